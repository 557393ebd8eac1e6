// What the types cannot say. Layout belongs to oxfmt, import borders to dependency-cruiser, unused exports to knip.
import { defineConfig, globalIgnores } from 'eslint/config';
import vue from 'eslint-plugin-vue';
import tseslint from 'typescript-eslint';

/** Rules of eslint-plugin-vue that would argue with oxfmt about line breaks. */
const layoutRules = [
  'html-closing-bracket-newline',
  'html-indent',
  'html-self-closing',
  'max-attributes-per-line',
  'multiline-html-element-content-newline',
  'singleline-html-element-content-newline',
];

const noRawIpc = {
  name: 'electron',
  importNames: ['ipcRenderer'],
  message: 'Only the preload speaks to the shell; everything else calls the functions that it exposes.',
};

/** Native libraries may crash a process, so only the rooms that may crash load them. An import border cannot see these calls. */
const nativeLoading = [
  {
    selector: "MemberExpression[object.name='process'][property.name='dlopen']",
    message: 'Only worker and llama-host load native libraries.',
  },
  {
    selector: "ImportSpecifier[imported.name='createRequire']",
    message: 'createRequire loads native addons, which only worker and llama-host may; import modules instead.',
  },
];

/** Without an address on a hub nothing of Snug uses the network; docs/hub.md promises it. */
const networkGlobals = ['fetch', 'WebSocket', 'EventSource', 'XMLHttpRequest'].map((name) => ({
  name,
  message: 'Only engine/hub/client.ts uses the network.',
}));

const noDefaultExport = {
  selector: 'ExportDefaultDeclaration',
  // One name per thing: a default export may be called differently in every file that imports it.
  message: 'Export by name. (Components and configuration files are excepted: their tools demand a default.)',
};

const noEnum = {
  selector: 'TSEnumDeclaration',
  // Node runs the sources by stripping types, and an enum is code. A union also crosses processes as plain text.
  message: 'Use a union of literals instead of an enum.',
};

/** Signs that are the same in every language; everything else that people read comes from the words. */
const signs = ['·', '…', '→', '≈', '±', '×', '✓', '▸', '(', ')', ',', '.', ':', '-', '–', '%', '+', '/', '&#32;'];
/** Attributes that people see or hear, those of our own components too. */
const spokenAttributes = [
  'title',
  'label',
  'hint',
  'placeholder',
  'alt',
  'aria-label',
  'aria-description',
  'aria-placeholder',
  'aria-roledescription',
  'aria-valuetext',
];

const bareExpression = {
  selector:
    'VExpressionContainer Literal[value=/^[A-Z].*[a-z]|[a-z] [a-z]/], VExpressionContainer TemplateElement[value.raw=/[a-z]{2} | [a-z]{2}/]',
  message: 'Texts come from src-renderer/words, so that each language has them.',
};

const everywhere = {
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'no-var': 'error',
  'prefer-const': 'error',
  'object-shorthand': 'error',
  // stdout belongs to results and the log to the logger; a forgotten console.log would break --json.
  'no-console': 'error',
  // A file or function that a reader cannot keep in mind should be two.
  'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
  'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
  // Five values in a row cannot be told apart at the call: take an object.
  'max-params': ['error', 4],
  'no-restricted-syntax': ['error', noDefaultExport, noEnum],
};

const typed = {
  '@typescript-eslint/no-explicit-any': 'error',
  // Bytes, tokens and layers in messages are numbers; writing String(n) around each adds nothing.
  '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
  // Index access is `T | undefined` here, and arithmetic over typed arrays has already checked its lengths.
  '@typescript-eslint/no-non-null-assertion': 'off',
  // `() => port.close()` and `return writer.uint8(value)` for calls without a result read well and change nothing.
  '@typescript-eslint/no-confusing-void-expression': 'off',
  // `void` before a call states that its result is dropped on purpose, also where it has none.
  '@typescript-eslint/no-meaningless-void-operator': 'off',
  // It refuses `Promise.withResolvers<void>()`.
  '@typescript-eslint/no-invalid-void-type': 'off',
  // A handler is async because its interface says Promise, also when this one needs no await.
  '@typescript-eslint/require-await': 'off',
  // `readJson<Header>(file)` says at the call what is expected there.
  '@typescript-eslint/no-unnecessary-type-parameters': 'off',
  // An underscore marks a parameter that only keeps its place.
  '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
  '@typescript-eslint/consistent-type-imports': 'error',
  // A new member of a union must be handled wherever the union is switched over.
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
};

export default defineConfig(
  globalIgnores(['dist/', 'release/', 'native/build/', 'resources/', 'test/fixtures/', 'test/output/', 'coverage/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  { rules: everywhere },
  {
    files: ['**/*.ts', '**/*.vue'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, extraFileExtensions: ['.vue'] } },
    rules: typed,
  },
  {
    files: ['**/*.vue'],
    extends: [vue.configs['flat/recommended']],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
    rules: {
      ...Object.fromEntries(layoutRules.map((name) => [`vue/${name}`, 'off'])),
      'vue/no-bare-strings-in-template': ['error', { allowlist: signs, attributes: { '/.+/': spokenAttributes } }],
      // Words in an expression of a template are as bare: only keys and numbers are written there.
      'vue/no-restricted-syntax': ['error', bareExpression],
    },
  },
  {
    files: ['src-main/**/*.ts', 'src-renderer/**'],
    ignores: ['src-main/preload/**', 'src-main/contract/**'],
    rules: { 'no-restricted-imports': ['error', { paths: [noRawIpc] }] },
  },
  {
    files: ['src-main/**/*.ts'],
    ignores: ['src-main/worker/**', 'src-main/llama-host/**'],
    rules: { 'no-restricted-syntax': ['error', noDefaultExport, noEnum, ...nativeLoading] },
  },
  {
    files: ['src-main/**/*.ts', 'src-renderer/**'],
    ignores: ['src-main/engine/hub/client.ts'],
    rules: { 'no-restricted-globals': ['error', ...networkGlobals] },
  },
  {
    files: ['**/*.vue', '*.config.{js,ts}', '.*.mjs', 'src-renderer/**/*.d.ts'],
    rules: { 'no-restricted-syntax': ['error', noEnum] },
  },
  {
    // TypeScript under ESLint does not read components, so whatever is imported from one has no type here. vue-tsc does read them.
    files: ['src-renderer/main.ts', 'src-renderer/frame/areas.ts', '**/*.vue'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    // A setup store is a closure with functions in it, each of which is short.
    files: ['src-renderer/stores/**'],
    rules: { 'max-lines-per-function': 'off' },
  },
  {
    // Programs whose purpose is to print.
    files: ['scripts/**', '.ci/**', 'test/bench/**'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['test/**'],
    rules: {
      // A suite is one function; its length says nothing about its parts.
      'max-lines-per-function': 'off',
      // Mocks and assertions hand methods around without calling them.
      '@typescript-eslint/unbound-method': 'off',
      // Reference files and `expect.any()` are `any`; the assertion is what checks them.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      // Copies of the environment lose the variables that a test must not pass on.
      '@typescript-eslint/no-dynamic-delete': 'off',
    },
  },
);
