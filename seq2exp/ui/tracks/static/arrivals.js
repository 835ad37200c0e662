// What has come to the browser and serves every instrument of the page: loci by their key, and Plotly.

const LOCI_KEPT = 24;

/** Loci by key, the least lately sent first. */
export const loci = new Map();
/** Instruments that want to hear of a locus. */
export const waiting = new Set();

/** Holds a locus and tells whoever waits for it. */
export function keep(locus) {
  loci.delete(locus.key);
  loci.set(locus.key, locus);
  while (loci.size > LOCI_KEPT) loci.delete(loci.keys().next().value);
  for (const instrument of waiting) instrument.arrived(locus.key);
}

/**
 * Whether a reply may set the sliders: one to older settings than those on them must not move them back.
 *
 * @param {{busy: boolean, moving: boolean, sent: number}} sliders busy: a commit is not answered; moving: something was
 *   moved since the last commit, `sent`.
 */
export const isCurrent = ({ busy, moving, sent }, reply) => !moving && (!busy || reply.commit === sent);

let plotlyLoading = null;

/** Plotly from the wheel on the server, fetched once per page; never from the network. */
export function loadPlotly(url) {
  plotlyLoading ??= new Promise((resolve, reject) => {
    if (window.Plotly?.react) return resolve(window.Plotly);
    const script = document.createElement("script");
    script.src = new URL(url, import.meta.url);
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("Plotly could not be loaded from the server"));
    return document.head.append(script);
  });
  return plotlyLoading;
}
