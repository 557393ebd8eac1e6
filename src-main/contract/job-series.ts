// What a job tells on its way, kept for whoever opens its page later: the sites, its memory, the seconds of its stages, the
// rows of a study. All of it is bounded, because it travels with every snapshot of the job.
import { z } from 'zod';
import { siteFacts, type Progress, type SiteFacts } from './progress.ts';
import { studyRow, type StudyRow } from './study.ts';
import { bytes } from './units.ts';

export const jobSeries = z.object({
  /** In the order in which they were first told. */
  sites: z.array(siteFacts),
  memory: z.object({
    /** Between samples, at least; it doubles when there are too many. */
    everySeconds: z.number(),
    /** Seconds since the job began to run, and the most that the computing process held until the next sample. */
    samples: z.array(z.tuple([z.number(), bytes])),
  }),
  /** Per stage, so far. */
  seconds: z.record(z.string(), z.number()),
  /** Of a study, in the order in which they were finished; absent before the first. */
  rows: z.array(studyRow).optional(),
});
export type JobSeries = z.infer<typeof jobSeries>;

/** A model of 126 layers, the deepest that is published, has 253. */
const mostSites = 512;
export const mostSamples = 240;
/** Studies have ten or twenty. */
const mostRows = 512;
const firstEverySeconds = 0.25;

const nothing: JobSeries = { sites: [], memory: { everySeconds: firstEverySeconds, samples: [] }, seconds: {} };

/** The series with one more message. `last`: the one before it, to whose stage the time between them belongs. */
export function addProgress(series: JobSeries = nothing, told: Progress, last: Progress | null): JobSeries {
  return {
    ...series,
    sites: told.sites ? withSites(series.sites, told.sites) : series.sites,
    memory: withSample(series.memory, told),
    seconds: withSeconds(series.seconds, told, last),
  };
}

/** The series with one more row of a study. */
export function addRow(series: JobSeries = nothing, row: StudyRow): JobSeries {
  const { rows = [] } = series;
  return rows.length < mostRows ? { ...series, rows: [...rows, row] } : series;
}

/** A site that is told again has what is newly told of it; where there are too many, later ones are left out. */
function withSites(known: readonly SiteFacts[], told: readonly SiteFacts[]): SiteFacts[] {
  const sites = new Map(known.map((site) => [site.name, site]));
  for (const site of told)
    if (sites.has(site.name) || sites.size < mostSites) sites.set(site.name, { ...sites.get(site.name), ...site });
  return [...sites.values()];
}

function withSample(memory: JobSeries['memory'], { elapsedSeconds, memoryBytes }: Progress): JobSeries['memory'] {
  if (elapsedSeconds === undefined || memoryBytes === undefined) return memory;
  const { everySeconds, samples } = memory;
  const last = samples.at(-1);
  if (last && elapsedSeconds < last[0] + everySeconds) {
    if (memoryBytes <= last[1]) return memory;
    return { everySeconds, samples: samples.with(-1, [last[0], memoryBytes]) };
  }
  const more = [...samples, [elapsedSeconds, memoryBytes] satisfies [number, number]];
  return more.length <= mostSamples ? { everySeconds, samples: more } : thinned(everySeconds * 2, more);
}

/** Every second sample, with the higher of two neighbours. */
function thinned(everySeconds: number, samples: JobSeries['memory']['samples']): JobSeries['memory'] {
  const kept = samples.flatMap(([seconds, held], index): [number, number][] =>
    index % 2 === 0 ? [[seconds, Math.max(held, samples[index + 1]?.[1] ?? 0)]] : [],
  );
  return { everySeconds, samples: kept };
}

function withSeconds(seconds: JobSeries['seconds'], told: Progress, last: Progress | null): JobSeries['seconds'] {
  if (told.elapsedSeconds === undefined) return seconds;
  const stage = last?.stage ?? told.stage;
  const spent = told.elapsedSeconds - (last?.elapsedSeconds ?? 0);
  return { ...seconds, [stage]: (seconds[stage] ?? 0) + spent };
}
