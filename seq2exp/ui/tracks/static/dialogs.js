// The two small dialogs over the figure: the list of keys, and the link with its QR code. Esc closes both.

import { helpRows } from "./keys.js";
import { copied } from "./link.js";

/** Shows every key of the figure, or of a talk. */
export function showHelp(root, { talk }) {
  const rows = helpRows({ talk }).map(([keys, words]) => {
    const row = document.createElement("tr");
    row.appendChild(document.createElement("th")).appendChild(document.createElement("kbd")).textContent = keys;
    row.appendChild(document.createElement("td")).textContent = words;
    return row;
  });
  const dialog = root.querySelector("dialog.help");
  dialog.querySelector("tbody").replaceChildren(...rows);
  if (!dialog.open) dialog.showModal();
}

/** Copies `address` and shows it with its QR code, once there is one. */
export async function showLink(root, address, { title, qr }) {
  const dialog = root.querySelector("dialog.link");
  const field = dialog.querySelector("input");
  dialog.querySelector("h4").textContent = title;
  field.value = address;
  if (!dialog.open) dialog.showModal();
  showQr(root, qr);
  dialog.querySelector("[data-is=copied]").textContent = "";
  const words = (await copied(field)) ? "Copied." : "Not copied by this browser: press Ctrl+C (Cmd+C).";
  dialog.querySelector("[data-is=copied]").textContent = words;
}

/** The QR code that has come, where the dialog shows its address: {of: address, image: "data:…", "" for too long}. */
export function showQr(root, qr) {
  const dialog = root.querySelector("dialog.link");
  const here = qr && qr.of === dialog.querySelector("input").value;
  const pictures = [];
  if (here && qr.image) {
    const picture = document.createElement("img");
    picture.alt = "QR code of the address";
    picture.src = qr.image;
    pictures.push(picture);
  }
  dialog.querySelector(".qr").replaceChildren(...pictures);
  const words = here ? (qr.image ? "" : "Too long for a QR code that a telephone can read.") : "Drawing the QR code …";
  dialog.querySelector("[data-is=qr]").textContent = words;
}
