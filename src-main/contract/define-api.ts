// One definition per API: the types of both ends are inferred from it, and the receiver validates with it.
import type { z } from 'zod';

export interface MethodDefinition {
  params: z.ZodType;
  result: z.ZodType;
  /** Payload of progress messages while the request runs. */
  progress?: z.ZodType;
  /** What a progress message that waits to be sent becomes with the one behind it, where the newer does not replace it. */
  mergeProgress?: (waiting: never, next: never) => unknown;
}

export interface ApiDefinition {
  methods: Record<string, MethodDefinition>;
  events: Record<string, z.ZodType>;
}

export function defineApi<const Definition extends ApiDefinition>(definition: Definition): Definition {
  return definition;
}

export type ParamsOf<M extends MethodDefinition> = z.infer<M['params']>;
export type ResultOf<M extends MethodDefinition> = z.infer<M['result']>;
export type ProgressOf<M extends MethodDefinition> = M['progress'] extends z.ZodType ? z.infer<M['progress']> : never;

export interface CallOptions<Progress> {
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

export interface HandlerContext<Progress> {
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

/** The calling end: one async function per method. */
export type ClientOf<Api extends ApiDefinition> = {
  [Name in keyof Api['methods']]: (
    params: z.input<Api['methods'][Name]['params']>,
    options?: CallOptions<ProgressOf<Api['methods'][Name]>>,
  ) => Promise<ResultOf<Api['methods'][Name]>>;
};

/** The serving end: one handler per method; a handler answers or throws. */
export type HandlersOf<Api extends ApiDefinition> = {
  [Name in keyof Api['methods']]: (
    params: ParamsOf<Api['methods'][Name]>,
    context: HandlerContext<ProgressOf<Api['methods'][Name]>>,
  ) => Promise<ResultOf<Api['methods'][Name]>> | ResultOf<Api['methods'][Name]>;
};
