// Import borders between the rooms of the source (the table in ARCHITECTURE.md). Whatever a room does not list, it may not import.
import { builtinModules } from 'node:module';

const anyNodeModule = builtinModules.map((name) => name.replace(/^node:/, ''));

/** Arithmetic and files: no process, no thread, no network. */
const pureNodeModules = [
  'assert',
  'buffer',
  'crypto',
  'events',
  'fs',
  'fs/promises',
  'path',
  'stream',
  'url',
  'util',
  'zlib',
];

/** Per room: its folder, and the rooms, packages and modules of Node that it may import. */
const rooms = {
  contract: { folder: 'src-main/contract', packages: ['zod'] },
  // Node's modules for their types only (see rpc-stays-portable): the window uses this room too.
  rpc: { folder: 'src-main/rpc', rooms: ['contract'], node: anyNodeModule },
  core: {
    folder: 'src-main/core',
    rooms: ['contract'],
    packages: ['@huggingface/tokenizers', 'ml-matrix'],
    node: pureNodeModules,
  },
  worker: {
    folder: 'src-main/worker',
    rooms: ['contract', 'rpc', 'core', 'native'],
    packages: ['onnxruntime-node'],
    node: anyNodeModule,
  },
  'llama-host': {
    folder: 'src-main/llama-host',
    rooms: ['contract', 'rpc', 'native'],
    packages: ['node-llama-cpp'],
    node: anyNodeModule,
  },
  engine: {
    folder: 'src-main/engine',
    rooms: ['contract', 'rpc', 'core'],
    packages: ['better-sqlite3'],
    node: anyNodeModule,
  },
  shell: { folder: 'src-main/shell', rooms: ['contract', 'rpc'], packages: ['electron'], node: anyNodeModule },
  preload: { folder: 'src-main/preload', rooms: ['contract', 'rpc'], packages: ['electron'] },
  cli: { folder: 'src-main/cli', rooms: ['contract', 'rpc'], node: anyNodeModule },
  renderer: {
    folder: 'src-renderer',
    rooms: ['contract', 'rpc'],
    packages: ['vue', 'pinia', 'reka-ui', '@lucide/vue', '@tanstack/vue-virtual', 'd3-scale', 'd3-shape'],
  },
  native: { folder: 'native' },
};

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function borderOf([name, { folder, rooms: mayEnter = [], packages: ownPackages = [], node = [] }]) {
  // zod is the language of the contract: who may read a schema may also validate with it.
  const packages = mayEnter.includes('contract') ? [...ownPackages, 'zod'] : ownPackages;
  const allowed = [
    ...[folder, ...mayEnter.map((room) => rooms[room].folder)].map((path) => `^${path}/`),
    ...packages.map((dependency) => `(^|/)node_modules/${escaped(dependency)}/`),
    ...node.map((module) => `^(node:)?${escaped(module)}$`),
  ];
  return {
    name: `${name}-border`,
    severity: 'error',
    comment: `${folder} may import ${[...mayEnter, ...packages].join(', ') || 'nothing'}${node.length > 0 ? " and Node's own modules" : ''}.`,
    from: { path: `^${folder}/` },
    to: { pathNot: allowed },
  };
}

/** @type {import('dependency-cruiser').IConfiguration} */
const borders = {
  forbidden: [
    ...Object.entries(rooms).map(borderOf),
    {
      name: 'every-file-has-a-room',
      severity: 'error',
      comment: 'A file of src-main belongs into one of the rooms: a new folder would have no border.',
      from: {
        path: '^src-main/',
        pathNot: Object.values(rooms).map(({ folder }) => `^${folder}/`),
      },
      to: {},
    },
    {
      name: 'rpc-stays-portable',
      severity: 'error',
      comment:
        'The window runs rpc in a sandbox: only types may come from Node, but for the transport between Node processes.',
      from: { path: '^src-main/rpc/', pathNot: '^src-main/rpc/(node-child|chunks)\\.ts$' },
      to: { dependencyTypes: ['core'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-node-transport-in-the-window',
      severity: 'error',
      comment: 'What the window imports must not reach the transport between Node processes.',
      from: { path: '^(src-renderer|src-main/(contract|rpc))/', pathNot: '^src-main/rpc/(node-child|chunks)\\.ts$' },
      to: { path: '^src-main/rpc/(node-child|chunks)\\.ts$' },
    },
    {
      name: 'only-the-catalog-knows-sql',
      severity: 'error',
      comment: 'engine/catalog is the one place that opens the database.',
      from: { path: '^src-main/engine/', pathNot: '^src-main/engine/catalog(/|\\.ts$)' },
      to: { path: '(^|/)node_modules/better-sqlite3/' },
    },
    {
      name: 'no-way-to-the-network',
      severity: 'error',
      comment: 'Models on a hub are fetched by engine/hub/client.ts, with fetch; nothing else leaves this machine.',
      from: { path: '^src-' },
      to: { path: '^(node:)?(http|https|http2|net|tls|dgram|dns)(/|$)' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Files that need each other are one idea, or a third file is missing.',
      from: { path: '^src-' },
      to: { circular: true },
    },
  ],
  options: {
    // An import of a type crosses a border as much as any other.
    tsPreCompilationDeps: true,
    // What a package imports is its own affair.
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};

export default borders;
