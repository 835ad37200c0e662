// Lower borders of lanes, to be dragged or moved by arrow keys; what was set is kept as px of a usual figure.

const LEAST_PX = 24;
const MOST_PX = 400;
const STEP_PX = 10;

/** `px` within what a lane can be, whole. */
export const bounded = (px) => Math.round(Math.min(Math.max(px, LEAST_PX), MOST_PX));

/** Gives lanes the heights chosen by hand, by name; `scale`: of the figure's letters to the usual ones. */
export function applyHeights(lanes, heights, scale) {
  for (const lane of lanes)
    if (lane.resizable && heights?.[lane.name]) lane.height = bounded(heights[lane.name]) * scale;
}

export class Handles {
  /**
   * @param {HTMLElement} root - the figure
   * @param {(name: string, px: number | null, settled: boolean) => void} onMove - null: back to its own height
   */
  constructor(root, onMove) {
    this.root = root;
    this.onMove = onMove;
    this.nodes = new Map();
  }

  /** One border below each lane that can be resized. */
  show(lanes, { sizes, width, scale }) {
    const wanted = lanes.filter((lane) => lane.resizable);
    for (const [name, node] of this.nodes) {
      if (wanted.some((lane) => lane.name === name)) continue;
      node.remove();
      this.nodes.delete(name);
    }
    for (const lane of wanted) {
      const node = this.nodes.get(lane.name) ?? this.add(lane.name);
      const height = Math.round(lane.height / scale);
      node.dataset.height = String(height);
      node.setAttribute("aria-label", `Height of the lane ${lane.title}`);
      node.setAttribute("aria-valuenow", String(height));
      node.title = `${lane.title}: drag to change its height, double-click to undo`;
      Object.assign(node.style, {
        left: "0px",
        width: `${sizes.l + width}px`,
        top: `${sizes.t + lane.top + lane.height}px`,
      });
    }
    this.scale = scale;
  }

  add(name) {
    const node = this.root.appendChild(document.createElement("div"));
    node.className = "border";
    node.tabIndex = 0;
    for (const [key, value] of Object.entries({ role: "separator", "aria-orientation": "horizontal" }))
      node.setAttribute(key, value);
    node.setAttribute("aria-valuemin", String(LEAST_PX));
    node.setAttribute("aria-valuemax", String(MOST_PX));
    node.addEventListener("pointerdown", (event) => this.drag(event, name, node));
    node.addEventListener("dblclick", () => this.onMove(name, null, true));
    node.addEventListener("keydown", (event) => {
      const by = { ArrowUp: -STEP_PX, ArrowDown: STEP_PX, Home: null }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      const px = by === null ? null : bounded(Number(node.dataset.height) + by);
      // The next press may come before the figure is drawn.
      if (px !== null) node.dataset.height = String(px);
      this.onMove(name, px, true);
    });
    this.nodes.set(name, node);
    return node;
  }

  drag(event, name, node) {
    event.preventDefault();
    event.stopPropagation();
    node.focus({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    const first = event.clientY;
    const height = Number(node.dataset.height);
    const at = (move) => bounded(height + (move.clientY - first) / this.scale);
    const move = (moved) => this.onMove(name, at(moved), false);
    const end = (up) => {
      node.removeEventListener("pointermove", move);
      node.removeEventListener("pointerup", end);
      if (at(up) !== height) this.onMove(name, at(up), true);
    };
    node.addEventListener("pointermove", move);
    node.addEventListener("pointerup", end);
  }
}
