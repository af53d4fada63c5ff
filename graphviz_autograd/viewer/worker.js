/**
 * What runs in the worker, after Graphviz: DOT in, json0 out. A classic script.
 */

// @ts-ignore: what viz-global.js, which stands before this text, defines
const graphviz = Viz.instance();

onmessage = async ({ data: dot }) => {
  try {
    const viz = await graphviz;
    const done = viz.render(dot, { format: "json0" });
    const error = done.errors.map((/** @type {{message: string}} */ one) => one.message).join("; ");
    postMessage(done.status === "success" ? { json: done.output } : { error });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
