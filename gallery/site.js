// Search in the index: every word has to be in a card's title, name, part or tags. A tag's link
// sets it. A part without a card left is hidden.
const field = document.querySelector("#search");
const cards = [...document.querySelectorAll(".card")];
const parts = [...document.querySelectorAll(".part")];

function search() {
  const words = field.value.toLowerCase().split(/\s+/);
  for (const card of cards) card.hidden = !words.every((word) => card.dataset.words.includes(word));
  for (const part of parts) part.hidden = !part.querySelector(".card:not([hidden])");
  const found = cards.filter((card) => !card.hidden).length;
  document.querySelector("#count").value = `${found} of ${cards.length} entries`;
}

function fromAddress() {
  let asked = location.hash.slice(1);
  try { asked = decodeURIComponent(asked); } catch { /* not one of our links: taken as it is */ }
  field.value = asked;
  search();
}

field.closest(".search").hidden = false;
field.addEventListener("input", search);
addEventListener("hashchange", fromAddress);
fromAddress();
