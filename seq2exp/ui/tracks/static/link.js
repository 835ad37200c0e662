// The link to what is on screen, and how it gets into the clipboard.

const toLink = (chrom, [start, end]) => `${chrom}:${start + 1}-${end}`;

/** `href`, which the server writes a moment after each move, with the stretch and the marks as they are on screen. */
export function linkOf(href, { locus, view, bands }) {
  const url = new URL(href);
  const [low, high] = locus.chromosome;
  if (view[0] === low && view[1] === high) url.searchParams.delete("locus");
  else url.searchParams.set("locus", toLink(locus.chrom, view));
  const marks = bands.map(({ start, end, name }) => `${start + 1}-${end}:${name.replace(/[,:]/g, " ")}`);
  if (marks.length) url.searchParams.set("marks", marks.join(","));
  else url.searchParams.delete("marks");
  return url.href;
}

/** Copies what `field` holds; resolves to whether it went. Browsers give their clipboard only to https and localhost. */
export async function copied(field) {
  field.select();
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(field.value);
      return true;
    }
    return document.execCommand("copy");
  } catch {
    return false;
  }
}
