// Keys of the figure: which key does what, for the listener and for the list that "?" shows.

/** [keys as the browser names them, act, how the list writes the keys, what they do] */
const ZOOM = [
  [["+", "="], "in", "+", "Zoom in three times"],
  [["-"], "out", "−", "Zoom out three times"],
  [["t", "T"], "tss", "T", "Go to the transcription start site"],
  [["0"], "all", "0", "Show the whole window"],
];

const FIGURE = [
  [["ArrowLeft"], "left", "←", "Pan left by half"],
  [["ArrowRight"], "right", "→", "Pan right by half"],
  ...ZOOM,
  [["j", "J"], "next-gene", "J", "Next gene of the list"],
  [["k", "K"], "previous-gene", "K", "Previous gene of the list"],
  [["m", "M"], "mode", "M", "Next mask mode"],
  [["p", "P"], "present", "P", "Present this gene"],
  [["?"], "help", "?", "This list"],
];

const TALK = [
  [["ArrowRight", "PageDown", " ", "j", "J"], "next", "→, J, space", "Next locus"],
  [["ArrowLeft", "PageUp", "k", "K"], "previous", "←, K", "Previous locus"],
  ...ZOOM,
  [["?"], "help", "?", "This list"],
];

const POINTER = [
  ["Wheel", "Zoom where the pointer is"],
  ["Drag", "Pan"],
  ["Shift and drag", "Mark a stretch"],
  ["Click an element", "Choose it, here and in the table below"],
  ["Drag a border", "Change a lane's height; arrow keys do it too"],
];

const tableOf = (talk) => (talk ? TALK : FIGURE);

/** The act a key press asks for; null for none, for keys typed into a field or a dialog, and for the browser's own. */
export function actOf(event, { talk = false } = {}) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return null;
  return tableOf(talk).find(([keys]) => keys.includes(event.key))?.[1] ?? null;
}

const isTyping = (target) =>
  Boolean(target?.closest?.("input, textarea, select, dialog, [contenteditable]:not([contenteditable=false])"));

/** Pairs of keys and what they do, every one of them. */
export const helpRows = ({ talk = false } = {}) => [
  ...tableOf(talk).map(([, , keys, words]) => [keys, words]),
  ...(talk ? [] : POINTER),
];
