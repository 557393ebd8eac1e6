// What every option becomes, and what every misuse is answered with.
import { describe, expect, it } from 'vitest';
import { optionTable } from '../../src-main/cli/options.ts';
import { verbs } from '../../src-main/cli/verb-list.ts';
import { deviceList, gpuList } from './fake-answers.ts';
import { snug } from './run.ts';

const GiB = 2 ** 30;

describe('recipes', () => {
  it('fills in the defaults of the contract', async () => {
    const { recipes } = await snug('fit model.gguf --memory 24GiB --output fit.gguf');
    expect(recipes).toEqual([
      {
        verb: 'fit',
        offline: false,
        model: '/here/model.gguf',
        output: '/here/fit.gguf',
        device: 'auto',
        threads: null,
        force: false,
        evaluate: true,
        prove: true,
        importance: 'on',
        calibration: { texts: ['calibration'], samples: 128, length: 2048, sampling: 'random', seed: 42 },
        evaluation: {
          text: 'evaluation',
          window: 2048,
          windows: 8,
          allowSameText: false,
          engine: 'auto',
          weightsOnly: false,
          gateKld: null,
          gateRatio: null,
        },
        target: { kind: 'memory', bytes: 24 * GiB, context: 4096, kvType: 'f16', reserveBytes: GiB },
        plan: null,
        candidates: 3,
        ...{ methods: 'any', orientation: null, precision: 'fp64' },
        maxMemoryBytes: null,
      },
    ]);
  });

  it('takes every option of a slice', async () => {
    const { recipes } = await snug(
      'slice /m.gguf --width 512 --round 64 --orientation random --type q4_0 --output o.gguf --seed 7 --no-prove',
    );
    expect(recipes[0]).toMatchObject({
      verb: 'slice',
      method: 'shared',
      width: 512,
      sparsity: null,
      round: 64,
      orientation: 'random',
      type: 'q4_0',
      calibration: { seed: 7 },
      evaluation: { windows: 8 },
      prove: false,
    });
    const { recipes: byShare } = await snug('slice m.gguf --sparsity 0.2 --output sliced');
    expect(byShare[0]).toMatchObject({ sparsity: 0.2, width: null, type: 'F16', orientation: null });
  });

  it('checks invariance on a few windows, and on all of a text that is named', async () => {
    const { recipes } = await snug('invariance m.gguf');
    expect(recipes[0]).toMatchObject({ evaluation: { text: 'evaluation', window: 512, windows: 4 } });
    const { recipes: named } = await snug('invariance m.gguf --text wiki.test.raw');
    expect(named[0]).toMatchObject({ evaluation: { text: '/here/wiki.test.raw', window: 2048, windows: null } });
  });

  it('writes text behind a prompt', async () => {
    const { recipes } = await snug(['generate', 'm.gguf', '--prompt', 'The sea']);
    expect(recipes[0]).toMatchObject({
      ...{ verb: 'generate', model: '/here/m.gguf', prompt: 'The sea', tokenizer: null },
      ...{ tokens: 128, temperature: 0, topK: null, seed: 42 },
    });
    const { recipes: told } = await snug(
      'generate m.onnx --tokenizer folder --prompt x --tokens 5 --temperature 0.5 --top-k 3 --seed 9 --threads 2',
    );
    expect(told[0]).toMatchObject({
      ...{
        model: '/here/m.onnx',
        tokenizer: '/here/folder',
        tokens: 5,
        temperature: 0.5,
        topK: 3,
        seed: 9,
        threads: 2,
      },
    });
    const missing = await snug('generate m.gguf');
    expect([missing.exitCode, missing.stderr]).toEqual([2, expect.stringContaining('--prompt TEXT')]);
    for (const [option, value] of [
      ['--tokens', '0'],
      ['--temperature', '-1'],
      ['--top-k', '0'],
    ]) {
      const wrong = await snug(['generate', 'm.gguf', '--prompt', 'x', `${option}=${value}`]);
      expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringContaining(option!)]);
    }
  });

  it('takes every option of a fit', async () => {
    const { recipes } = await snug(
      'fit /m.gguf --memory=12GB --context 8192 --kv-type q8_0 --reserve 500MB --plan p1 --max-memory 2GiB --output o.gguf --force ' +
        '--importance i.gguf --calibration calibration --calibration mine.txt --samples 4 --length 64 --sampling contiguous --seed 7 ' +
        '--text evaluation --window 32 --windows all --allow-same-text --engine llama.cpp --weights-only --gate-kld 0.1 --gate-ratio 1.05 ' +
        '--no-prove --device cpu --threads 2',
    );
    expect(recipes[0]).toMatchObject({
      target: { bytes: 12e9, context: 8192, kvType: 'q8_0', reserveBytes: 5e8 },
      plan: 'p1',
      maxMemoryBytes: 2 * GiB,
      force: true,
      prove: false,
      importance: '/here/i.gguf',
      calibration: {
        texts: ['calibration', '/here/mine.txt'],
        samples: 4,
        length: 64,
        sampling: 'contiguous',
        seed: 7,
      },
      evaluation: {
        text: 'evaluation',
        window: 32,
        windows: null,
        allowSameText: true,
        engine: 'llama.cpp',
        weightsOnly: true,
        gateKld: 0.1,
        gateRatio: 1.05,
      },
      device: 'cpu',
      threads: 2,
    });
  });

  it('evaluates all windows, and 8 after writing, unless told otherwise', async () => {
    const windows = async (line: string): Promise<unknown> => {
      const [recipe] = (await snug(line)).recipes;
      return recipe && 'evaluation' in recipe ? recipe.evaluation.windows : 'no recipe';
    };
    expect(await windows('evaluate m.gguf')).toBeNull();
    expect(await windows('evaluate m.gguf --windows 3 --text t.txt')).toBe(3);
    expect(await windows('quantize m.gguf --type Q4_0 --output o.gguf --text t.txt')).toBe(8);
  });

  it('names the importance file after the model', async () => {
    const output = async (model: string): Promise<unknown> => (await snug(['calibrate', model])).recipes[0];
    expect(await output('models/llama-00001-of-00003.gguf')).toMatchObject({ output: '/here/llama.imatrix.gguf' });
    expect(await output('models/folder/')).toMatchObject({ output: '/here/folder.imatrix.gguf' });
  });

  it('compares with the original and reads tasks', async () => {
    const { recipes } = await snug('evaluate a.gguf --against b.gguf --tasks x.jsonl --tasks y.jsonl --gate-kld .5');
    expect(recipes[0]).toMatchObject({
      against: '/here/b.gguf',
      tasks: ['/here/x.jsonl', '/here/y.jsonl'],
      evaluation: { gateKld: 0.5 },
    });
  });

  it('takes a model whose name starts with a dash after --', async () => {
    expect((await snug('plan --file-size 1GB -- -odd.gguf')).recipes[0]).toMatchObject({ model: '/here/-odd.gguf' });
  });

  it('makes the demo of the sample, in a place of its own that may be overwritten', async () => {
    const [own] = (await snug('demo')).recipes;
    expect(own).toMatchObject({
      verb: 'fit',
      model: '/snug/sample-7m.F16.gguf',
      force: true,
      calibration: { samples: 32 },
      target: { kind: 'file', bytes: 4.5e6 },
    });
    expect(own && 'output' in own && own.output).toMatch(/snug-demo-[^/\\]+[/\\]snug-demo\.gguf$/);
    const [chosen] = (await snug('demo --output d.gguf --memory 1GB')).recipes;
    expect(chosen).toMatchObject({ output: '/here/d.gguf', force: false, target: { kind: 'memory', bytes: 1e9 } });
  });
});

describe('--memory gpu', () => {
  it('is the free memory of the largest GPU', async () => {
    const run = await snug('plan m.gguf --memory gpu', { script: { devices: gpuList } });
    expect(run.recipes[0]).toMatchObject({ target: { bytes: 22 * GiB } });
  });

  it('takes an integrated GPU where there is no other', async () => {
    const igpu = { ...gpuList.devices[1]!, kind: 'igpu' as const };
    const run = await snug('plan m.gguf --memory gpu', { script: { devices: { ...deviceList, devices: [igpu] } } });
    expect(run.recipes[0]).toMatchObject({ target: { bytes: 7 * GiB } });
  });

  it('is what the driver tells where llama.cpp sees none, of the one with most that is whole', async () => {
    const gpu = { name: 'NVIDIA L4', driver: '535.1', totalBytes: 24 * GiB };
    const gpus = [
      { ...gpu, index: 0, freeBytes: 11 * GiB, isDivided: false },
      { ...gpu, index: 1, freeBytes: 12 * GiB, isDivided: false },
      { ...gpu, index: 2, freeBytes: 20 * GiB, isDivided: true },
      { ...gpu, index: 3, freeBytes: null, isDivided: false },
    ];
    const run = await snug('plan m.gguf --memory gpu', { script: { devices: { ...deviceList, gpus } } });
    expect(run.recipes[0]).toMatchObject({ target: { bytes: 12 * GiB } });
    const divided = { ...deviceList, gpus: gpus.slice(2, 3) };
    const refused = await snug('plan m.gguf --memory gpu --json', { script: { devices: divided } });
    expect(refused.exitCode).toBe(2);
    expect(refused.stdout).toContain('MIG');
  });

  it('is refused without a GPU', async () => {
    const run = await snug('plan m.gguf --memory gpu --json');
    expect(run.exitCode).toBe(2);
    expect(JSON.parse(run.stdout)).toMatchObject({
      error: { code: 'DEVICE_UNAVAILABLE', message: expect.stringContaining('no NVIDIA driver') as string },
    });
  });
});

describe('misuse', () => {
  const cases: [line: string, message: string][] = [
    ['', 'A verb is missing. Verbs: demo, inspect,'],
    ['quantise m', 'There is no verb "quantise". Did you mean quantize? Verbs:'],
    ['prune m', 'There is no verb "prune". Verbs:'],
    ['slice m --output o --sparsity 0.2 --width 512', '--width and --sparsity cannot be given together.'],
    ['slice m --output o --sparsity 1.5', '--sparsity is not right'],
    ['slice m --output o --width 0', '--width must be more than 0.'],
    ['slice m --output o --sparsity 0.2 --method blocks', '--method takes shared or per-block'],
    ['slice m --sparsity 0.2', '--output is missing: add --output FILE.'],
    ['--memory 1GB plan m', 'The verb comes first, before --memory.'],
    ['study', 'What to study is missing: snug study calibration-size|pca-precision|sparsity|speed|combination MODEL'],
    ['study sparsety m', 'There is no study "sparsety". Did you mean sparsity?'],
    ['study sparsity', 'MODEL is missing: snug study'],
    ['inspect', 'MODEL is missing: snug inspect MODEL.'],
    ['inspect a b', '"b" is one argument too many: snug inspect MODEL.'],
    ['texts a', '"a" is one argument too many: snug texts.'],
    ['search', 'What to search for is missing: snug search WORDS.'],
    ['search a --limit 0', '--limit must be from 1 to 100.'],
    ['inspect hub:o', '"hub:o" is no address on a hub: write hub:OWNER/NAME, hub:OWNER/NAME:FILE or'],
    ['download hub:o/m:../x', '"hub:o/m:../x" names no file inside a repository'],
    ['inspect m --forse', 'There is no option --forse. snug inspect --help lists the options.'],
    ['plan m --memroy 1GB', 'There is no option --memroy. Did you mean --memory?'],
    ['plan m --output x', 'snug plan does not take --output.'],
    ['quantize m -o x', 'There is no option -o.'],
    ['quantize m --no-json', 'There is no option --no-json.'],
    ['quantize m --type', '--type needs a value: --type TYPE.'],
    ['quantize m --type --output o', '--type needs a value: --type TYPE.'],
    ['quantize m --type= --output o', '--type needs a value'],
    ['quantize m --type Q4_0 --type Q5_0', '--type was given twice.'],
    ['quantize m --output o', '--type is missing: add --type TYPE.'],
    ['quantize m --type Q4_0', '--output is missing: add --output FILE.'],
    ['fit m --memory 1GB', '--output is missing: add --output FILE.'],
    ['quantize m --force=yes', '--force takes no value.'],
    ['plan m --json=1 --memory 1GB', '--json takes no value.'],
    ['plan m', 'What should it fit into? Add --memory SIZE'],
    ['plan m --memory 1GB --file-size 1GB', '--memory and --file-size cannot be given together.'],
    ['plan m --file-size 1GB --context 10', '--context belongs to --memory'],
    ['plan m --file-size 1XB', '--file-size: "1XB" is not a size'],
    ['plan m --memory lots', '--memory: "lots" is not a size'],
    ['plan m --memory 0', '--memory must be more than 0.'],
    ['plan m --file-size 0', '--file-size must be more than 0.'],
    ['plan m --memory 1GB --context 8k', '--context takes a whole number, not "8k".'],
    ['plan m --memory 1GB --context 0', '--context must be more than 0.'],
    [
      'plan m --memory 1GB --kv-type q9',
      '--kv-type takes f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0 or iq4_nl, not "q9".',
    ],
    ['plan m --memory 1GB --threads -1', '--threads must be more than 0.'],
    ['plan m --memory 1GB --progress bar', '--progress takes none, line or json, not "bar".'],
    ['fit m --memory 1GB --output o --candidates 0', '--candidates must be at least 1.'],
    [
      'fit m --memory 1GB --output o --methods quantize --precision fp32',
      '--precision is of slices and means nothing with',
    ],
    ['plan m --memory 1GB --methods quantize --orientation pca', '--orientation is of slices and means nothing with'],
    ['fit m --memory 1GB --output o --plan p --candidates 2', '--candidates means nothing with --plan'],
    ['fit m --memory 1GB --output o --gate-kld 1 --no-evaluate', '--gate-kld cannot be checked with --no-evaluate.'],
    ['quantize m --type Q4_0 --output o --gate-ratio 0', '--gate-ratio must be more than 0.'],
    ['quantize m --type Q4_0 --output o --gate-kld small', '--gate-kld takes a number, not "small".'],
    ['evaluate m --gate-kld 1', '--gate-kld compares with the original: add --against MODEL.'],
    ['evaluate m --windows few', '--windows takes a number of windows or all, not "few".'],
    ['evaluate m --windows 0', '--windows must be more than 0.'],
    ['evaluate m --window 1', '--window must be at least 2.'],
    ['evaluate m --device gpu', '--device takes auto, cuda, webgpu or cpu, not "gpu".'],
    ['evaluate m --engine onyx', '--engine takes auto, onnx or llama.cpp, not "onyx".'],
    ['calibrate m --samples 1.5', '--samples takes a whole number, not "1.5".'],
    ['calibrate m --samples 0', '--samples must be more than 0.'],
    ['calibrate m --seed -1', '--seed must be at least 0.'],
    ['calibrate m --sampling all', '--sampling takes random or contiguous, not "all".'],
  ];

  it.each(cases)('snug %s', async (line, message) => {
    const run = await snug([...line.split(' ').filter(Boolean), '--json']);
    expect(run.exitCode).toBe(2);
    const { error } = JSON.parse(run.stdout) as { error: { code: string; message: string } };
    expect(error.code).toBe('USAGE');
    expect(error.message).toContain(message);
    expect(run.recipes).toEqual([]);
  });
});

describe('the table of options', () => {
  it('has no option that no verb takes', () => {
    const taken = new Set(verbs.flatMap((verb) => verb.options));
    expect(Object.keys(optionTable).filter((name) => !taken.has(name as keyof typeof optionTable))).toEqual([]);
  });

  it('gives no verb an option twice', () => {
    for (const verb of verbs) expect(new Set(verb.options).size, verb.name).toBe(verb.options.length);
  });
});
