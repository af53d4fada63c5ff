// The page's modules are kept as text, in an order in which each comes after what it imports;
// from a file no module could be loaded by its path. A classic script, the only one inline.
(() => {
  "use strict";
  const urls = new Map();
  /** @type {NodeListOf<HTMLScriptElement>} */
  const texts = document.querySelectorAll("script[data-module]");
  for (const held of texts) {
    const text = held.text.replace(/ from "\.\/([\w.-]+)";/g, (_, name) => ` from "${urls.get(name)}";`);
    urls.set(held.dataset.module, URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  }
  import(urls.get("main.js")).catch((error) => {
    document.documentElement.dataset.state = "failed";
    throw error;
  });
})();
