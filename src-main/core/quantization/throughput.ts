// Progress in bytes with throughput and the time left.
import type { Progress } from '../../contract/progress.ts';

/** Reports that follow one stage from its start. */
export class Throughput {
  readonly #stage: string;
  readonly #total: number;
  readonly #report: (progress: Progress) => void;
  readonly #start = performance.now();
  readonly #before: number;
  #done: number;

  /** `bytesBefore` were done by another process. */
  constructor(stage: string, totalBytes: number, report: (progress: Progress) => void, bytesBefore = 0) {
    this.#before = bytesBefore;
    this.#done = bytesBefore;
    this.#stage = stage;
    this.#total = totalBytes;
    this.#report = report;
  }

  /** Adds finished bytes; `detail` is what they belong to. */
  add(bytes: number, detail: string): void {
    this.#done += bytes;
    const seconds = this.seconds;
    const perSecond = seconds > 0 ? (this.#done - this.#before) / seconds : undefined;
    const secondsLeft = perSecond ? (this.#total - this.#done) / perSecond : undefined;
    this.#report({
      stage: this.#stage,
      detail,
      done: this.#done,
      total: this.#total,
      unit: 'bytes',
      perSecond,
      secondsLeft,
    });
  }

  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }
}
