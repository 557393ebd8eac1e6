// The sessions of a pass that runs one graph behind the other. onnxruntime keeps with a session the memory of its largest
// run, so a session is there from the first graph of its form to the last.
import type { BlockRunner } from './block-runner.ts';

export class GraphSessions<Graph extends { runner: BlockRunner }> {
  readonly #forms: readonly string[];
  readonly #openGraph: (place: number) => Promise<Graph>;
  readonly #opened = new Map<string, Graph>();

  /** `forms` in the order of their use: graphs of one form are the same and share a session. */
  constructor(forms: readonly string[], openGraph: (place: number) => Promise<Graph>) {
    this.#forms = forms;
    this.#openGraph = openGraph;
  }

  /** Gives the graph of a place to `work`; without a later place of its form its session ends behind it. */
  async use<T>(place: number, work: (graph: Graph) => Promise<T>): Promise<T> {
    const form = this.#forms[place]!;
    const graph = this.#opened.get(form) ?? (await this.#openGraph(place));
    this.#opened.set(form, graph);
    const found = await work(graph);
    if (this.#forms.lastIndexOf(form) === place) {
      this.#opened.delete(form);
      await graph.runner.dispose();
    }
    return found;
  }

  async close(): Promise<void> {
    for (const { runner } of this.#opened.values()) await runner.dispose();
    this.#opened.clear();
  }
}
