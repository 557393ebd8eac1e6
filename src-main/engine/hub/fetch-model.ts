// All files of a model from a hub to this machine, with one report of progress over all of them.
import { formatHubAddress } from '../../contract/hub-address.ts';
import type { HubModel } from '../../contract/hub-model.ts';
import type { Progress } from '../../contract/progress.ts';
import { throttle } from '../../rpc/throttle.ts';
import type { HubFile } from './hub-file.ts';
import { downloadFile } from './download-file.ts';
import { missingFiles, neededBytes, requestFor, type Hub, type Snapshot } from './snapshot.ts';
import { requireRoom } from './space.ts';

export interface FetchOptions {
  report: (progress: Progress) => void;
}

const reportEveryMs = 100;
/** Checksums of files up to this size take no time to speak of. */
const silentlyChecked = 128 * 2 ** 20;

/**
 * Downloads what is not here yet. @throws DISK_FULL before anything is fetched, with needed and free bytes; and as
 * downloadFile
 */
export async function fetchModel(hub: Hub, snapshot: Snapshot, options: FetchOptions): Promise<HubModel> {
  const missing = await missingFiles(snapshot);
  let { fetchedBytes } = snapshot;
  if (missing.length > 0) {
    const { address, folder } = snapshot;
    await requireRoom(address, [{ folder, bytes: await neededBytes(folder, missing) }], hub.free);
    const progress = new DownloadProgress(missing, options.report);
    for (const file of missing) {
      const request = requestFor(hub, snapshot, file);
      fetchedBytes += await downloadFile(hub.settings, {
        ...request,
        onBytes: (bytes) => progress.add(file.name, bytes),
        ...(file.bytes > silentlyChecked ? { onChecked: (bytes) => progress.check(file, bytes) } : {}),
      });
    }
    progress.end();
  }
  return describeSnapshot(snapshot, { path: snapshot.model, fetchedBytes });
}

/** What a result says of a model on a hub. */
export function describeSnapshot(
  { address, commit, files }: Snapshot,
  { path: place, fetchedBytes }: Pick<HubModel, 'path' | 'fetchedBytes'>,
): HubModel {
  return {
    address: formatHubAddress(address),
    commit,
    path: place,
    files: files.map(({ name, bytes }) => ({ name, bytes })),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    fetchedBytes,
  };
}

/** Bytes of all files together; the rate is that of this run. */
class DownloadProgress {
  readonly #total: number;
  readonly #report: ReturnType<typeof throttle<Progress>>;
  readonly #start = performance.now();
  #done = 0;
  /** What was there before the first byte came. */
  #before: number | null = null;
  #checked = { file: '', bytes: 0 };

  constructor(files: Snapshot['files'], report: (progress: Progress) => void) {
    this.#total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#report = throttle(report, reportEveryMs);
  }

  add(file: string, bytes: number): void {
    this.#done += bytes;
    this.#before ??= bytes;
    const seconds = (performance.now() - this.#start) / 1000;
    const perSecond = Math.max(0, this.#done - this.#before) / Math.max(seconds, 0.001);
    this.#report({
      ...{ stage: 'download', detail: file, done: this.#done, total: this.#total, unit: 'bytes' },
      ...(perSecond > 0 ? { perSecond, secondsLeft: (this.#total - this.#done) / perSecond } : {}),
    });
  }

  check({ name, bytes: total }: HubFile, bytes: number): void {
    if (this.#checked.file !== name) this.#checked = { file: name, bytes: 0 };
    this.#checked.bytes += bytes;
    this.#report({ stage: 'verify', detail: name, done: this.#checked.bytes, total, unit: 'bytes' });
  }

  end(): void {
    this.#report.flush();
  }
}
