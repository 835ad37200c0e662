// A small figure of the server's, drawn with the Plotly that is here already: Streamlit's own chart would load a second.

import { loadPlotly } from "./arrivals.js";

const STILL = { displayModeBar: false, staticPlot: true, responsive: true };
/** The last drawing of each figure, as a promise. */
const drawn = new WeakMap();

/** Draws `figure` (data and layout) in `parent`; `words` say what it shows. Returns what takes it away again once it has left the page. */
export function drawFigure(parent, { figure, plotly: url, words }) {
  let plot = parent.querySelector(".s2x-still");
  if (!plot) {
    plot = document.createElement("div");
    plot.className = "s2x-still";
    plot.setAttribute("role", "img");
    parent.append(plot);
  }
  plot.setAttribute("aria-label", words);
  plot.style.height = `${figure.layout.height}px`;
  // One drawing at a time, and none taken away while it is drawn: Plotly does not bear that.
  const before = drawn.get(plot) ?? Promise.resolve();
  const done = before
    .then(() => loadPlotly(url))
    .then((plotly) => plot.isConnected && plotly.react(plot, figure.data, figure.layout, STILL));
  drawn.set(plot, done);
  return () => {
    // Streamlit also calls for this when one message overtakes another.
    if (!plot.isConnected) drawn.get(plot).then(() => window.Plotly?.purge(plot));
  };
}
