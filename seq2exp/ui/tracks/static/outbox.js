// What was told to the server and not yet heard. Streamlit keeps the newest of what a component sends while the server
// is at work: of a setting and a question sent just after it, the setting would be lost.

const PAUSE_MS = 400;

export class Outbox {
  /** @param {() => number} now - milliseconds; @param {(act: () => void, ms: number) => void} later */
  constructor(now = Date.now, later = (act, ms) => setTimeout(act, ms)) {
    this.now = now;
    this.later = later;
    this.pending = new Map();
    this.last = 0;
    /** (kind, value) => void, set when the component is mounted. */
    this.post = () => {};
  }

  /** Sends `value` under a number of its own, which is returned; an older one of its kind is forgotten. */
  send(kind, value) {
    this.last = Math.max(this.now(), this.last + 1);
    const numbered = { ...value, n: this.last };
    this.pending.set(kind, { value: numbered, at: this.now() });
    this.post(kind, numbered);
    return this.last;
  }

  /** An answer has come that says the number heard last of each kind; what it lacks is sent again, after a pause. */
  heard(numbers = {}) {
    for (const [kind, { value, at }] of this.pending) {
      if ((numbers[kind] ?? 0) >= value.n) this.pending.delete(kind);
      else this.later(() => this.again(kind, value), Math.max(0, at + PAUSE_MS - this.now()));
    }
  }

  again(kind, value) {
    const waiting = this.pending.get(kind);
    if (waiting?.value !== value || this.now() < waiting.at + PAUSE_MS) return;
    waiting.at = this.now();
    this.post(kind, value);
  }

  close() {
    this.pending.clear();
  }
}
