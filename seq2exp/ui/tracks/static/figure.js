// A small figure of the server's, drawn with the Plotly that is here already: Streamlit's own chart would load a second.

import { loadPlotly } from "./arrivals.js";

const STILL = { displayModeBar: false, staticPlot: true, responsive: true };

/** Draws `figure` (data and layout) in `parent`; `words` say what it shows. Returns what takes it away again. */
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
  loadPlotly(url).then((plotly) => plot.isConnected && plotly.react(plot, figure.data, figure.layout, STILL));
  return () => {
    window.Plotly?.purge(plot);
    plot.remove();
  };
}
