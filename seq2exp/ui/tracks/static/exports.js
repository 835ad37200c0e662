// Pictures of the figure as it stands, drawn from the same scene, with a caption that says what they show.

import { plain } from "./shapes.js";

const LINE_PX = 19;

/** The scene with its caption below: badge, settings and where everything came from. */
export function captioned({ data, layout }, caption, theme, width) {
  const letters = Math.floor((width + layout.margin.l) / 7.2);
  const lines = caption.flatMap((line) => wrapped(line, letters));
  const extra = LINE_PX * lines.length + 10;
  const height = layout.height + extra;
  const notes = lines.map((text, i) => ({
    xref: "paper",
    yref: "paper",
    x: 0,
    xshift: -layout.margin.l + 4,
    y: 0,
    yshift: -(layout.margin.b + 6 + LINE_PX * i),
    xanchor: "left",
    yanchor: "top",
    align: "left",
    text: i === 0 ? `<b>${plain(text)}</b>` : plain(text),
    showarrow: false,
    font: { color: i === 0 ? theme.ink : theme.muted },
  }));
  return {
    data,
    layout: {
      ...layout,
      height,
      margin: { ...layout.margin, b: layout.margin.b + extra },
      annotations: [...layout.annotations, ...notes],
    },
  };
}

export function wrapped(text, letters) {
  const lines = [""];
  for (const word of String(text).split(/\s+/)) {
    const last = lines.length - 1;
    const next = lines[last] ? `${lines[last]} ${word}` : word;
    if (next.length > letters && lines[last]) lines.push(word);
    else lines[last] = next;
  }
  return lines;
}

/** Saves the figure as SVG or PNG (twice the pixels) in the browser. */
export async function saveImage(plotly, figure, format, name) {
  const { width, height } = figure.layout;
  const url = await plotly.toImage(figure, { format, width, height, scale: format === "png" ? 2 : 1 });
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name.replace(/[^A-Za-z0-9_-]/g, "_") || "locus"}.${format}`;
  link.click();
}

/** Saves the scene as drawn with its caption, named after gene and cell type. */
export async function savePicture(plotly, format, { drawn, caption, state: { locus, theme, width } }) {
  const figure = captioned(drawn, caption, theme, width);
  await saveImage(plotly, figure, format, `${locus.symbol || locus.gene_id}_${locus.cell_type}`);
}
