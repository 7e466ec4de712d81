import js from '@eslint/js'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

/** The files that may take a secret out of its wrapper: those that hand it to whom it belongs, hash it or seal it. */
const MAY_UNWRAP = [
  'src/http/routes/**',
  'src/providers/**',
  'src/store/keys/**',
  'src/identity/**',
  'src/local/**',
  'src/store/digests.ts',
]

const defaultExport = { selector: 'ExportDefaultDeclaration', message: 'Export by name.' }
const unwrap = {
  selector: "CallExpression[callee.property.name='unwrap']",
  message: 'A secret is unwrapped only in the files that eslint.config.js names.',
}
const environment = {
  selector:
    "MemberExpression[object.name='process']:matches([property.name='env'], [property.value='env']), " +
    "VariableDeclarator[init.name='process'] Property[key.name='env'], " +
    "ImportDeclaration[source.value=/^(node:)?process$/] ImportSpecifier[imported.name='env']",
  message: 'Only src/main.ts reads the environment.',
}
const impure = [
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Take `now` as a parameter.' },
  { selector: "CallExpression[callee.name='Date']", message: 'Take `now` as a parameter.' },
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'Take `now` as a parameter.' },
  { selector: "MemberExpression[object.name='performance']", message: 'Take the clock as a port.' },
  { selector: "MemberExpression[object.name='Math'][property.name='random']", message: 'Take randomness as a port.' },
  { selector: "MemberExpression[object.name='crypto']", message: 'Take randomness as a port.' },
]
/** Of two blocks that set the same rule the later one wins whole, so each names everything that holds for its files. */
const restrict = (...syntax) => ({ 'no-restricted-syntax': ['error', ...syntax] })

export default defineConfig(
  { ignores: ['dist', 'coverage', '.cache', '**/*.gen.ts'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: 'test/tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true, ignoreVoidOperator: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // What `using` declares is used when its scope ends.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreUsingDeclarations: true }],
      'no-console': 'error',
    },
  },
  { files: ['**/*.ts'], rules: restrict(defaultExport) },
  { files: ['src/**'], rules: { 'max-lines': ['error', 300], ...restrict(defaultExport, environment, unwrap) } },
  { files: MAY_UNWRAP, rules: restrict(defaultExport, environment) },
  { files: ['src/core/**', 'src/broker/**'], rules: restrict(defaultExport, environment, unwrap, ...impure) },
  { files: ['src/main.ts'], rules: restrict(defaultExport, unwrap) },
  {
    files: ['test/**', 'scripts/**'],
    rules: {
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      // An answer's body is what is being tested: a test that typed it first would test its own types.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['**/*.{js,cjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { process: 'readonly', URL: 'readonly' } },
  },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs' } },
)
