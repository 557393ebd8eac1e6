// Which type every tensor of a model gets in a mix: llama.cpp's own decision.
import { AppError } from '../../contract/errors.ts';
import { candidateOf, isPossible, type Candidate, type MixQuestion } from '../../core/planning/candidates.ts';
import type { JobContext } from '../jobs/context.ts';
import type { ModelSource } from '../../core/formats/model-source.ts';

/** What llama.cpp makes of a mix for this model. @throws IMPORTANCE_MISSING, LLAMA_FAILED with its reason */
export async function findTypes(
  context: JobContext,
  { path: model, config }: Pick<ModelSource, 'path' | 'config'>,
  question: MixQuestion,
): Promise<Candidate> {
  const { results } = await context.llama((client) =>
    client.mixTypes({ model, mixes: [question] }, { signal: context.signal }),
  );
  const candidate = candidateOf(question, results[0]?.types ?? null);
  if (!candidate && results[0]?.needsImportance) {
    throw new AppError(
      'IMPORTANCE_MISSING',
      `${question.name} gives garbage without importance: leave --importance on, or give a file.`,
      { model, type: question.name },
    );
  }
  if (!candidate)
    throw new AppError(
      'LLAMA_FAILED',
      `llama.cpp cannot make ${question.name} of this model: ${results[0]?.reason ?? 'no reason given'}.`,
      { model },
    );
  if (!isPossible(candidate, config.tiedEmbeddings)) {
    throw new AppError(
      'IMPORTANCE_MISSING',
      `The input embedding cannot be ${question.name}: that needs importance, and an embedding that is not the head too has none. Leave out --pure.`,
      {
        model,
        tensor: 'token_embd.weight',
      },
    );
  }
  return candidate;
}
