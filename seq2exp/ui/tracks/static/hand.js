// What the pointer does over the figure: the crosshair, marks by shift and drag, elements chosen by a click.

import { elementAt, findElement } from "./chosen.js";
import { dragMark } from "./marks.js";

/** A pointer that moved less between press and release has clicked. */
const CLICK_PX = 4;

export class Hand {
  /** @param {object} instrument - the figure it works on: figure, plot, state, lanes, deck, crosshair and their changes */
  constructor(instrument) {
    this.on = instrument;
    const { figure } = instrument;
    figure.addEventListener("pointermove", (event) => this.pointed(event));
    figure.addEventListener("pointerleave", () => instrument.crosshair.hide());
    figure.addEventListener("pointerdown", (event) => this.pressed(event), true);
  }

  pointed(event) {
    const { state, crosshair, plot, drawn } = this.on;
    if (!state?.live || event.buttons) {
      crosshair.hide();
      return;
    }
    const box = plot.getBoundingClientRect();
    crosshair.show(state, event.clientX - box.left, drawn.layout.height, event.clientY - box.top);
  }

  pressed(event) {
    const { figure, state, deck } = this.on;
    if (!state || event.button !== 0 || event.target.closest(".border")) return;
    figure.focus({ preventScroll: true, focusVisible: false });
    if (event.shiftKey) {
      const done = (bands) => this.on.change({ bands });
      dragMark(event, (x) => this.baseAt(x), state.locus.chromosome, state.bands, done);
      return;
    }
    const release = (up) => {
      const far = Math.hypot(up.clientX - event.clientX, up.clientY - event.clientY);
      if (far < CLICK_PX && !deck) this.pick(up);
    };
    window.addEventListener("pointerup", release, { capture: true, once: true });
  }

  /** A click on an element, or on the mask above it, chooses it; beside all of them, none. */
  pick(event) {
    const { locus, live, chosen } = this.on.state;
    if (!["calls", "mask"].includes(this.laneAt(event.clientY)?.name)) return;
    const place = elementAt(locus, live.elements, Math.floor(this.baseAt(event.clientX)));
    if (place || findElement(locus, live.elements, chosen) >= 0) this.on.change({ chosen: place });
  }

  /** The lane under a height in the browser's window. */
  laneAt(y) {
    const { lanes, plot, state } = this.on;
    const down = y - plot.getBoundingClientRect().top - state.sizes.t;
    return lanes?.find(({ top, height }) => down >= top && down < top + height);
  }

  /** The place on the genome under a horizontal place in the browser's window. */
  baseAt(x) {
    const { view, width, sizes } = this.on.state;
    const left = this.on.plot.getBoundingClientRect().left + sizes.l;
    return view[0] + ((x - left) / width) * (view[1] - view[0]);
  }
}
