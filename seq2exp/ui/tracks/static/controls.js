// The sliders: each with a number field, keyboard steps and an accessible name. They own no truth: what was moved goes
// out by `onInput` (while moving) and `onSettle` (on release, or a moment after the last key).

const KEY_PAUSE_MS = 250;

const element = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
};

/** Where a knob's slider stands for a value: the place in its list of values, or the value itself. */
export const toSlider = (knob, value) => (knob.values ? nearest(knob.values, value) : value);
export const fromSlider = (knob, place) => (knob.values ? knob.values[Math.round(place)] : Number(place));

const nearest = (values, value) =>
  values.reduce((best, v, i) => (Math.abs(v - value) < Math.abs(values[best] - value) ? i : best), 0);

/** A number as typed, inside the knob's range and on its steps; null for what is no number. */
export function typed(knob, text) {
  const value = Number(text);
  if (String(text).trim() === "" || !Number.isFinite(value)) return null;
  if (knob.values) return knob.values[nearest(knob.values, value)];
  const clipped = Math.min(Math.max(value, knob.min), knob.max);
  return Number((Math.round(clipped / knob.step) * knob.step).toFixed(6));
}

/** `weights` with one of them moved; never all 0, which would leave no evidence: then it stops at its least step. */
export function weighted(weights, index, value, least) {
  const moved = weights.map((weight, i) => (i === index ? value : weight));
  const refused = !moved.some((weight) => weight > 0);
  if (refused) moved[index] = least;
  return { weights: moved, refused };
}

const shown = (knob, value) => (knob.decimals === null ? String(value) : Number(value).toFixed(knob.decimals));

export class Controls {
  /**
   * @param {HTMLElement} root
   * @param {{onInput: (key, value, knob) => void, onSettle: () => void, onReset: () => void}} events
   */
  constructor(root, events) {
    this.root = root;
    this.events = events;
    this.rows = new Map();
    this.built = null;
  }

  /** Draw for these knobs and modes; builds anew only when they differ from the last. */
  show(knobs, modes, settings, { has_checkpoint: hasCheckpoint, notes, refused }) {
    const name = JSON.stringify([knobs, modes, hasCheckpoint]);
    if (this.built !== name) {
      this.built = name;
      this.build(knobs, modes, hasCheckpoint);
    }
    for (const [key, row] of this.rows) {
      const value = row.knob.index === null ? settings[key] : settings.weights[row.knob.index];
      if (row.root.ownerDocument.activeElement !== row.field) row.field.value = shown(row.knob, value);
      row.slider.value = toSlider(row.knob, value);
      row.slider.setAttribute("aria-valuetext", `${shown(row.knob, value)} ${row.knob.unit ?? ""}`.trim());
      row.root.hidden = Boolean(row.knob.modes && !row.knob.modes.includes(settings.mode));
      const idle = key === "prior_mean" && settings.prior_strength === 0;
      row.slider.disabled = row.field.disabled = idle;
      row.root.classList.toggle("idle", idle);
      row.note.textContent =
        refused !== undefined && refused === row.knob.index ? notes.weights : (notes[key]?.[settings.mode] ?? "");
    }
    for (const button of this.modes.children)
      button.setAttribute("aria-pressed", String(button.dataset.mode === settings.mode));
  }

  build(knobs, modes, hasCheckpoint) {
    this.rows.clear();
    this.root.replaceChildren();
    this.modes = element("div", { class: "modes", role: "group", "aria-label": "Mask mode" });
    for (const mode of modes) {
      const words = { soft: "Soft", hard: "Hard", "top-k": "Top-k" }[mode];
      const button = element("button", { type: "button", "data-mode": mode, text: words });
      button.onclick = () => {
        this.events.onInput("mode", mode);
        this.events.onSettle();
      };
      this.modes.append(button);
    }
    this.root.append(element("h4", { text: "Mask" }), this.modes);
    let group = "";
    for (const knob of knobs) {
      if (knob.group && knob.group !== group) {
        group = knob.group;
        this.root.append(element("h4", { text: group }));
      }
      this.root.append(this.row(knob));
    }
    const reset = element("button", {
      type: "button",
      class: "reset",
      text: hasCheckpoint ? "Reset to faithful" : "Reset settings",
    });
    reset.onclick = () => this.events.onReset();
    this.root.append(reset);
  }

  row(knob) {
    const id = `s2x-${knob.key}`;
    const range = knob.values ? { min: 0, max: knob.values.length - 1, step: 1 } : knob;
    const limits = { min: range.min, max: range.max, step: range.step };
    const name = knob.unit ? `${knob.label}, ${knob.unit}` : knob.label;
    const slider = element("input", { type: "range", id, ...limits, title: knob.help, "aria-label": name });
    const field = element("input", {
      type: "text",
      inputmode: "decimal",
      "aria-label": `${name}: type a number`,
      size: 4,
    });
    const label = element("label", { for: id, text: name, title: knob.help });
    const note = element("small");
    const root = element("div", { class: "knob", "data-key": knob.key }, label, field, slider, note);
    let timer = 0;
    let byKey = false;
    const settle = () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.events.onSettle(), byKey ? KEY_PAUSE_MS : 0);
    };
    slider.addEventListener("keydown", () => (byKey = true));
    slider.addEventListener("pointerdown", () => (byKey = false));
    slider.addEventListener("input", () => this.events.onInput(knob.key, fromSlider(knob, slider.value), knob));
    slider.addEventListener("change", settle);
    // A thumb brought back to where it was changes nothing, so the browser says nothing of its release.
    slider.addEventListener("pointerup", settle);
    field.addEventListener("change", () => {
      const value = typed(knob, field.value);
      if (value === null) {
        field.value = shown(knob, fromSlider(knob, slider.value));
        return;
      }
      field.value = shown(knob, value);
      byKey = false;
      this.events.onInput(knob.key, value, knob);
      settle();
    });
    this.rows.set(knob.key, { knob, root, slider, field, note });
    return root;
  }
}
