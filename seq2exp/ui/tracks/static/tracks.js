// The track component: draws one locus, owns the live sliders, and tells the server what was settled on.
// Mounted twice per page: once with the locus as bytes (sent once), once with the reply to the settings (a few kB).

import { answer, floorOf } from "./beta.js";
import { inSight } from "./chosen.js";
import { Controls, weighted } from "./controls.js";
import { showHelp, showLink, showQr } from "./dialogs.js";
import { savePicture } from "./exports.js";
import { drawFigure } from "./figure.js";
import { Hand } from "./hand.js";
import { Handles } from "./heights.js";
import { isCurrent, keep, loadPlotly, loci, waiting } from "./arrivals.js";
import { actOf } from "./keys.js";
import { linkOf } from "./link.js";
import { Outbox } from "./outbox.js";
import { paint } from "./live.js";
import { decode, prepared } from "./payload.js";
import { Crosshair } from "./pointer.js";
import { tell, tellPage, themeOf } from "./readout.js";
import { scene, SIZES } from "./scene.js";
import { toGenome } from "./shapes.js";
import { TEMPLATE } from "./template.js";
import { movedBy, within } from "./view.js";

const VIEW_PAUSE_MS = 500;
const LOOK_MS = 700;
/** Height of everything on the page above and below the figure. */
const AROUND_PX = 215;
const AROUND_DECK_PX = 90;
const instruments = new WeakMap();

export default function mount(component) {
  const { data, parentElement, setTriggerValue } = component;
  if (data.preload) {
    loadPlotly(data.preload);
    return undefined;
  }
  if (data.figure) return drawFigure(parentElement, data);
  if (data instanceof Uint8Array) {
    keep(prepared(decode(data)));
    return undefined;
  }
  let instrument = instruments.get(parentElement);
  if (!instrument) {
    instrument = new Instrument(parentElement);
    instruments.set(parentElement, instrument);
  }
  instrument.outbox.post = setTriggerValue;
  instrument.receive(data);
  return () => instrument.leave();
}

class Instrument {
  constructor(parent) {
    this.parent = parent;
    // eslint-disable-next-line no-restricted-properties -- a constant: nothing of the data is in it
    parent.innerHTML = TEMPLATE;
    this.root = parent.querySelector(".s2x");
    this.figure = this.root.querySelector(".figure");
    this.plot = this.root.querySelector(".plot");
    this.canvas = this.root.querySelector("canvas");
    this.controls = new Controls(this.root.querySelector(".controls"), {
      onInput: (key, value, knob) => this.moved(key, value, knob),
      onSettle: () => this.settled(),
      onReset: () => this.reset(),
    });
    this.crosshair = new Crosshair(this.figure);
    this.handles = new Handles(this.figure, (name, px, settled) => this.resized(name, px, settled));
    this.state = null;
    this.sent = 0;
    this.moving = false;
    // For tests and for those who script their browser: what is on screen, as numbers.
    window.seq2exp = {
      elements: () => toGenome(this.state.locus, this.state.live.elements),
      frames: () => this.frames,
    };
    this.busy = false;
    this.frames = [];
    this.outbox = new Outbox();
    this.listen();
  }

  listen() {
    this.resizer = new ResizeObserver(() => this.fit());
    this.resizer.observe(this.figure);
    this.watch = setInterval(() => this.look(), LOOK_MS);
    this.hand = new Hand(this);
    this.root.addEventListener("keydown", (event) => this.pressed(event));
    this.root.addEventListener("click", (event) => this.act(event.target.closest("[data-act]")?.dataset.act));
    waiting.add(this);
  }

  /**
   * Closes the instrument if it has left the page. Streamlit also calls for that when one message overtakes another,
   * and a new instrument would then forget what the hand was doing.
   */
  leave() {
    if (this.root.isConnected) return;
    instruments.delete(this.parent);
    this.close();
  }

  close() {
    waiting.delete(this);
    this.outbox.close();
    this.resizer.disconnect();
    clearInterval(this.watch);
    clearTimeout(this.viewTimer);
    this.closed = true;
    if (!this.drawing) window.Plotly?.purge(this.plot);
  }

  /** Now and then: whether the figure is still in the page, and the page still as bright. */
  look() {
    this.leave();
    const { theme } = this.state ?? {};
    if (!this.closed && theme && themeOf(this.root) !== theme.name) this.draw();
  }

  /** A message of the server: the reply to settings, perhaps for another locus; or a whole talk of them. */
  receive(message) {
    if (message.deck) {
      this.deck = message.deck;
      this.root.classList.add("presenting");
      this.turn(0);
      return;
    }
    this.reply = message;
    this.outbox.heard(message.heard);
    showQr(this.root, message.qr);
    this.arrived(message.locus);
  }

  /** `by` loci further in the talk; everything is here already, so nothing is asked of the server. */
  turn(by) {
    this.page = Math.min(Math.max((this.page ?? 0) + by, 0), this.deck.length - 1);
    this.reply = this.deck[this.page];
    tellPage(this.root, this.reply, `${this.page + 1} / ${this.deck.length}`);
    this.arrived(this.reply.locus);
  }

  arrived(key) {
    if (!this.reply || key !== this.reply.locus) return;
    const locus = loci.get(key);
    if (!locus) return;
    const { reply } = this;
    const fresh = !this.state || this.state.locus.key !== key;
    const current = fresh || isCurrent(this, reply);
    const settings = current ? structuredClone(reply.settings) : this.state.settings;
    const view = fresh || reply.go > (this.gone ?? -1) ? reply.view : this.state.view;
    this.gone = reply.go;
    if (fresh) this.moving = false;
    this.opening = "";
    this.hops = 0;
    if (current || reply.commit === this.sent) this.busy = false;
    this.state = {
      ...this.state,
      locus,
      settings,
      reply,
      view,
      shown: reply.shown,
      bands: fresh ? reply.bands : (this.state?.bands ?? []),
      heights: fresh ? reply.heights : (this.state?.heights ?? {}),
      chosen: fresh ? null : this.state?.chosen,
    };
    if (reply.chosen && reply.chosen.n !== this.choice) this.choose(reply.chosen);
    this.draw();
  }

  fit() {
    if (this.state && this.figureWidth() !== this.state.width) this.draw();
  }

  sizes() {
    return SIZES[this.deck ? "large" : "usual"];
  }

  figureWidth() {
    const { l, r } = this.sizes();
    return Math.max(200, Math.floor(this.figure.clientWidth) - l - r);
  }

  recompute() {
    const { locus, settings } = this.state;
    this.state.live = answer(locus, settings);
    this.state.live.floor = floorOf(locus.config, settings, Boolean(locus.sequenceBeta));
  }

  /** Draw what is wanted now. One drawing at a time: what is asked for meanwhile is drawn once, after it. */
  draw() {
    this.wanted = true;
    this.drawing ??= this.drawAll().finally(() => (this.drawing = null));
    return this.drawing;
  }

  async drawAll() {
    const plotly = await loadPlotly(this.reply.plotly);
    while (this.wanted && !this.closed) {
      this.wanted = false;
      await this.drawOnce(plotly);
    }
    if (this.closed) plotly.purge(this.plot);
  }

  async drawOnce(plotly) {
    const { state } = this;
    state.theme = this.reply.themes[themeOf(this.root)];
    state.width = this.figureWidth();
    state.sizes = this.sizes();
    state.large = Boolean(this.deck);
    state.screen = window.innerHeight - (this.deck ? AROUND_DECK_PX : AROUND_PX);
    this.recompute();
    if (!this.deck) this.showControls();
    const { locus, settings, reply, view, bands, heights, chosen, shown, theme, width, screen } = state;
    const answered = [reply.peaks, reply.rows, reply.scales];
    const looks = [locus.key, settings, view, bands, heights, chosen, shown, answered, theme.name, width, screen];
    const signature = JSON.stringify(looks);
    if (signature === this.signature) {
      // The reply to what is already drawn: only its numbers are new.
      this.canvas.style.display = "none";
      this.tell();
      return;
    }
    const drawn = scene(state);
    this.lanes = drawn.lanes;
    this.drawn = drawn;
    this.handles.show(drawn.lanes, { sizes: state.sizes, width, scale: state.sizes.font / SIZES.usual.font });
    await plotly.react(this.plot, drawn.data, drawn.layout, {
      displayModeBar: false,
      scrollZoom: true,
      doubleClick: false,
    });
    if (this.closed) return;
    this.signature = signature;
    if (!this.wired) {
      this.wired = true;
      this.plot.on("plotly_relayout", (change) => this.relaid(change));
      this.plot.on("plotly_relayouting", () => this.crosshair.hide());
    }
    this.canvas.style.display = "none";
    this.tell();
    this.root.dataset.drawn = String(Number(this.root.dataset.drawn ?? 0) + 1);
  }

  showControls() {
    const { reply, refused } = this;
    this.controls.show(reply.knobs, reply.modes, this.state.settings, { ...reply, refused });
  }

  /** A slider is moving: mask and calls at once, the rest waits. */
  moved(key, value, knob = null) {
    const { settings } = this.state;
    this.moving = true;
    this.refused = undefined;
    if ((knob?.index ?? null) === null) settings[key] = value;
    else {
      const { weights, refused } = weighted(settings.weights, knob.index, value, knob.step);
      settings.weights = weights;
      if (refused) this.refused = knob.index;
    }
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      const began = performance.now();
      this.recompute();
      paint(this.canvas, this.state, this.lanes);
      this.showControls();
      this.tell();
      this.frames.push(performance.now() - began);
      if (this.frames.length > 2000) this.frames.shift();
    });
  }

  settled() {
    if (!this.moving) return;
    const { settings } = this.state;
    this.moving = false;
    this.sent = this.outbox.send("commit", { settings: structuredClone(settings) });
    this.busy = true;
    cancelAnimationFrame(this.frame);
    this.draw();
  }

  reset() {
    this.state.settings = structuredClone(this.reply.defaults);
    this.refused = undefined;
    this.moving = true;
    this.settled();
  }

  tell() {
    tell(this.root, this.state, this.busy ? "computing …" : this.opening);
  }

  /** Parts of what is shown, changed by hand: drawn at once, and told to the server for the link. */
  change(parts) {
    Object.assign(this.state, parts);
    this.draw();
    this.tellView();
  }

  /** Go to [start, end), kept inside the window. */
  go(start, end) {
    this.change({ view: within(start, end, this.state.locus.chromosome) });
  }

  relaid(change) {
    const low = change["xaxis.range[0]"] ?? change["xaxis.range"]?.[0];
    const high = change["xaxis.range[1]"] ?? change["xaxis.range"]?.[1];
    if (low === undefined || high === undefined) return;
    const next = [Math.round(low - 0.5), Math.round(high - 0.5)];
    if (next[0] === this.state.view[0] && next[1] === this.state.view[1]) return;
    this.go(next[0], next[1]);
  }

  tellView() {
    if (this.deck) return; // a talk asks nothing of the server
    clearTimeout(this.viewTimer);
    this.viewTimer = setTimeout(() => {
      const { view, bands, heights, chosen } = this.state;
      this.outbox.send("view", { view, bands, heights, chosen });
    }, VIEW_PAUSE_MS);
  }

  /** What a button or a key asks for, by its name. */
  act(name) {
    if (!name || !this.state) return;
    const { view, locus } = this.state;
    const moved = movedBy(name, view, locus.chromosome, locus.tss);
    const acts = {
      unband: () => this.change({ bands: [] }),
      next: () => this.turn(1),
      previous: () => this.turn(-1),
      "next-gene": () => this.hop(1),
      "previous-gene": () => this.hop(-1),
      present: () => this.outbox.send("ask", { what: "present", gene: locus.gene_id }),
      mode: () => this.nextMode(),
      link: () => this.link(),
      help: () => showHelp(this.root, { talk: Boolean(this.deck) }),
      full: () => this.root.requestFullscreen?.().then(() => this.figure.focus()),
      svg: () => this.save(name),
      png: () => this.save(name),
    };
    if (moved) this.go(...moved);
    else acts[name]?.();
  }

  /** A lane's border was moved: `px`, or null for the lane's own height. */
  resized(name, px, settled) {
    const { [name]: _before, ...others } = this.state.heights;
    this.state.heights = px === null ? others : { ...others, [name]: px };
    this.draw();
    if (settled) this.tellView();
  }

  /** The element chosen in the table: brought into sight where it is not. */
  choose({ n, place }) {
    this.choice = n;
    this.state.chosen = place;
    if (place) this.state.view = inSight(this.state.view, place, this.state.locus.chromosome);
  }

  /** `by` genes further in the picker's list. Counted from the gene on show, so that no quick press is lost. */
  hop(by) {
    this.hops = (this.hops ?? 0) + by;
    this.opening = "opening a gene …";
    this.tell();
    this.outbox.send("ask", { what: "gene", from: this.state.locus.gene_id, by: this.hops });
  }

  /** The link to what is on screen; in a talk, to its locus in Explore. */
  link() {
    const { address, qr } = this.reply;
    if (this.deck) {
      showLink(this.root, address, { title: "This locus in Explore", qr });
      return;
    }
    const here = linkOf(window.location.href, this.state);
    showLink(this.root, here, { title: "Link to this view", qr });
    if (qr?.of !== here) this.outbox.send("ask", { what: "qr", address: here });
  }

  nextMode() {
    const { modes } = this.reply;
    this.moved("mode", modes[(modes.indexOf(this.state.settings.mode) + 1) % modes.length]);
    this.settled();
  }

  async save(format) {
    const { drawn, reply, state } = this;
    await savePicture(await loadPlotly(reply.plotly), format, { drawn, caption: reply.caption, state });
  }

  pressed(event) {
    const act = actOf(event, { talk: Boolean(this.deck) });
    if (!act) return;
    event.preventDefault();
    this.act(act);
  }
}
