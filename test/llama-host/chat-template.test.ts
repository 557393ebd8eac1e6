// Chat templates through llama.cpp's own list: those it knows by their marks, and those that it does not.
import { expect, test } from 'vitest';
import { handlers, plainCaller } from './host.ts';

const applied = async (template: string, question = 'Who are you?'): Promise<string | null> =>
  (await handlers.chatTemplate({ template, question }, plainCaller)).prompt;

test('a template that llama.cpp knows opens the turn of the answer', async () => {
  // ChatML as Qwen2.5 has it, shortened: llama.cpp goes by its marks (src/llama-chat.cpp, llm_chat_detect_template).
  const chatml = "{% for m in messages %}{{'<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>'}}{% endfor %}";
  expect(await applied(chatml)).toBe('<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n');
});

test('a question longer than the first buffer is whole', async () => {
  const question = 'ä'.repeat(4000);
  expect(await applied('<|im_start|>', question)).toContain(question);
});

test('a template that llama.cpp does not know is none', async () => {
  expect(await applied('{{ messages }}')).toBeNull();
});
