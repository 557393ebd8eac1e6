import { snug } from './run.ts';
for (const l of [ 'plan m.gguf --memory 24GiB', 'fit m.gguf --memory 24GiB --output o.gguf', 'quantize m.gguf --type Q4_K_M --output o','evaluate m --against n',]) {
  const r = await snug(l);
  console.log('$ snug', l, '->', r.exitCode); console.log(r.stdout); console.log('STDERR:', r.stderr);
}
