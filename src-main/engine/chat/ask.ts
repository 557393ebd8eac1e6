// The original of a run and what it made, answering one question: each in a child of its own, both at once where memory holds
// both, else one after the other. One question at a time, and beside a run that computes only where the user wants that.
import { availableParallelism } from 'node:os';
import type { AskResult, Asking, AskRequest, AskSide } from '../../contract/chat.ts';
import type { HandlersOf } from '../../contract/define-api.ts';
import type { EngineApi } from '../../contract/engine-api.ts';
import { AppError } from '../../contract/errors.ts';
import { formatMemory } from '../../contract/units.ts';
import { Catalog } from '../catalog/catalog.ts';
import { answeringOf, type Answering, type SideName } from './answering.ts';
import type { ChatParts } from './chat-parts.ts';
import { computingRun, type ComputingRun } from './computing-run.ts';
import { look, type Looked, type Question } from './look.ts';
import { promptOf } from './prompt.ts';
import { seatsFor, type Memory, type Seating } from './seats.ts';
import { write } from './write.ts';

type Told = (change: Partial<Asking>) => void;

const names = ['original', 'compressed'] as const satisfies SideName[];
/** Stays free for the window and the system. */
const marginBytes = 512 * 2 ** 20;

export function chatHandlers(parts: ChatParts): Pick<HandlersOf<EngineApi>, 'chat.ask'> {
  let isAsked = false;
  return {
    'chat.ask': async (request, { signal, progress }) => {
      if (isAsked)
        throw new AppError('USAGE', 'Another question is being answered: cancel that one, or wait for its end.');
      isAsked = true;
      try {
        return await ask(parts, request, { signal, progress });
      } finally {
        isAsked = false;
      }
    },
  };
}

interface AskContext {
  signal: AbortSignal;
  progress: (state: Asking) => void;
}

/** @throws USAGE for a run that is not there, CANCELLED; what keeps one side from answering is told as that side */
async function ask(parts: ChatParts, request: AskRequest, { signal, progress }: AskContext): Promise<AskResult> {
  const { opened } = parts;
  if (!(opened instanceof Catalog)) throw opened;
  const detail = opened.history.detail(request.run);
  const busy = await computingRun(parts, opened, signal);
  if (busy !== null && !request.besideRun) {
    const { run, verb, model, neededBytes } = busy;
    return { outcome: 'busy', run, verb, model, neededBytes };
  }
  let state: Asking = { form: null, together: null, original: { state: 'waiting' }, compressed: { state: 'waiting' } };
  const tell: Told = (change) => {
    state = { ...state, ...change };
    progress(state);
  };
  const found = await answeringOf(detail, opened.history);
  await answer(parts, request, { found, busy, signal, tell });
  return { outcome: 'asked', ...state };
}

interface Answered {
  found: Record<SideName, Answering | AppError>;
  busy: ComputingRun | null;
  signal: AbortSignal;
  tell: Told;
}

async function answer(parts: ChatParts, request: AskRequest, { found, busy, signal, tell }: Answered): Promise<void> {
  const { question, tokens, temperature, seed, asChat } = request;
  for (const name of names) if (found[name] instanceof AppError) tell({ [name]: refused(found[name]) });
  const models = names.flatMap((name) => (found[name] instanceof AppError ? [] : [found[name]]));
  if (models.length === 0) return;
  const { children } = parts;
  const prompt = asChat
    ? await promptOf(question, models.toReversed(), { children, signal })
    : { text: question, form: 'plain' as const };
  tell({ form: prompt.form });
  const asked: Question = { prompt: prompt.text, tokens, sampling: { temperature, seed }, signal };
  const looked = await lookAtAll(parts, found, asked, tell);
  const seating = seated(parts, looked, busy, tell);
  await writeAll(parts, { found, looked, seating, asked, isBeside: busy !== null, tell });
}

const refused = (error: AppError): AskSide => ({ state: 'refused', error: error.toShape() });

type LookedSides = Partial<Record<SideName, Looked>>;

async function lookAtAll(
  parts: ChatParts,
  found: Answered['found'],
  asked: Question,
  tell: Told,
): Promise<LookedSides> {
  const sides: LookedSides = {};
  for (const name of names) {
    const model = found[name];
    if (model instanceof AppError) continue;
    try {
      sides[name] = await look(parts, model, asked);
    } catch (error) {
      if (asked.signal.aborted) throw error;
      tell({ [name]: refused(AppError.from(error)) });
    }
  }
  return sides;
}

/** Who gets which memory; who gets none is told why, with the figures. */
function seated(parts: ChatParts, looked: LookedSides, busy: ComputingRun | null, tell: Told): Seating {
  const free = freeMemory(parts, looked, busy);
  const seating = seatsFor({ original: looked.original?.ways ?? [], compressed: looked.compressed?.ways ?? [] }, free);
  for (const name of names) {
    const least = looked[name]?.ways.at(-1);
    if (least && seating[name] === null) tell({ [name]: refused(tooLarge(least.ramBytes, free.ramBytes, busy)) });
  }
  // Of one that answers alone there is nothing to say: why the other does not is told in its place.
  if (seating.original && seating.compressed) tell({ together: seating.together });
  return seating;
}

/** A run that computes keeps the GPU, and the memory that it is still expected to take. */
function freeMemory({ system }: ChatParts, looked: LookedSides, busy: ComputingRun | null): Memory {
  const devices = (looked.original ?? looked.compressed)?.machine?.devices ?? [];
  const gpuFree = devices.filter(({ kind }) => kind === 'gpu').map(({ freeBytes }) => freeBytes);
  const kept = marginBytes + (busy?.neededBytes ?? 0);
  return {
    ramBytes: Math.max(0, system.availableMemory() - kept),
    gpuBytes: busy ? 0 : Math.max(0, Math.max(0, ...gpuFree) - marginBytes),
  };
}

function tooLarge(needed: number, free: number, busy: ComputingRun | null): AppError {
  const why = busy === null ? '' : `, besides what the run ${busy.run} may still take`;
  const message = `It needs ${formatMemory(needed)} of memory, and ${formatMemory(free)} can be had now${why}. Close other programs${busy === null ? '' : ', or wait for the run to end'}, and ask again.`;
  return new AppError('OUT_OF_MEMORY', message, { needed, free });
}

interface Start {
  found: Answered['found'];
  looked: LookedSides;
  seating: Seating;
  asked: Question;
  isBeside: boolean;
  tell: Told;
}

/** What was made first: it is what one waits for, and the quicker one. */
async function writeAll(parts: ChatParts, start: Start): Promise<void> {
  const { found, looked, seating, asked, isBeside, tell } = start;
  const sharers = (seating.together ? 2 : 1) * (isBeside ? 2 : 1);
  const cores = (looked.original ?? looked.compressed)?.machine?.cores ?? availableParallelism();
  const threads = sharers === 1 ? null : Math.max(1, Math.floor(cores / sharers));
  const one = async (name: SideName): Promise<void> => {
    const [model, seat, side] = [found[name], seating[name], looked[name]];
    if (model instanceof AppError || seat === null || side === undefined) return;
    const { prompt, sampling, signal } = asked;
    const { gpuLayers } = seat;
    const how = { prompt, sampling, signal, gpuLayers, threads, tokens: side.tokens };
    await write(parts, { model, ...how, tell: (told) => tell({ [name]: told }) });
  };
  if (seating.together) await Promise.all(names.map(one));
  else for (const name of names.toReversed()) await one(name);
}
