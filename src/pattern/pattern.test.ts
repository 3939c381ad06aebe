import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compilePattern } from './pattern.ts'

function pattern(text: string): (value: string) => boolean {
  const compiled = compilePattern(text)
  assert.ok(typeof compiled !== 'string', text)
  assert.equal(compiled.text, text)
  return (value) => compiled.matches(value)
}

const globs: [glob: string, matching: string[], others: string[]][] = [
  ['v1', ['v1'], ['v12', 'av1', '']],
  ['v*', ['v', 'v1', 'v1.2-rc'], ['V1', 'a/v1']],
  ['team/*', ['team/app', 'team/'], ['team/a/b', 'team']],
  ['team/**', ['team/app', 'team/a/b'], ['team', 'other/app']],
  ['**/app', ['app', 'team/app', 'a/b/app'], ['my-app', 'app/x']],
  ['team/**/app', ['team/app', 'team/a/b/app'], ['team/xapp']],
  ['v?.{0,1,}', ['v1.0', 'v2.1', 'v2.'], ['v10.0', 'v1.2', 'v/.0']],
  ['{a*,b}-x', ['a-x', 'abc-x', 'b-x'], ['c-x', 'b']],
  [String.raw`a\*b`, ['a*b'], ['axb']],
  ['a.b+c', ['a.b+c'], ['axb+c', 'a.bbc']],
  ['', [''], ['x']],
]

test('a glob stands for the whole text', () => {
  for (const [glob, matching, others] of globs) {
    const matches = pattern(glob)
    for (const value of matching) assert.ok(matches(value), `${glob} matches ${value}`)
    for (const value of others) assert.ok(!matches(value), `${glob} does not match ${value}`)
  }
})

const expressions = [
  'v', '^v\\d+$', '^v\\d+(\\.\\d+){2}$', 'a|b|cd', '^(?:a|b)*c', '[a-c]+x', '[^a-c]', 'a{2}', 'a{2,}$', '^a{1,3}$',
  '(a*)*b', '\\w+-\\s', '^$', '', '[-a]', '[a-]$', '\\.', 'a.c', 'a+?b', '(^a|b$)', '[\\d.]+', '\\D', 'x?$',
] // prettier-ignore

test('a regular expression says what the one of the language says', () => {
  const texts = fc.string({
    unit: fc.constantFrom(...Array.from('abcdvx0129.- \n')),
    maxLength: 12,
  })
  for (const source of expressions) {
    const matches = pattern(`/${source}/`)
    const expected = new RegExp(source)
    fc.assert(
      fc.property(texts, (text) => {
        assert.equal(matches(text), expected.test(text), `/${source}/ and ${JSON.stringify(text)}`)
      }),
    )
  }
})

test('generated expressions, too', () => {
  const { expression } = fc.letrec<{ expression: string; atom: string }>((tie) => ({
    atom: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '^', '$'),
      tie('expression').map((inner) => `(${inner})`),
    ),
    expression: fc.oneof(
      { depthSize: 'small' },
      tie('atom'),
      fc.tuple(tie('atom'), tie('expression')).map((parts) => parts.join('')),
      fc.tuple(tie('atom'), tie('expression')).map((parts) => parts.join('|')),
      fc
        .tuple(
          fc.constantFrom('a', '(ab)', '[ab]', '(a|b*)'),
          fc.constantFrom('*', '+', '?', '{2}', '{0,2}'),
        )
        .map((parts) => parts.join('')),
    ),
  }))
  const texts = fc.string({ unit: fc.constantFrom(...Array.from('ab1')), maxLength: 6 })
  fc.assert(
    fc.property(expression, texts, (source, text) => {
      assert.equal(pattern(`/${source}/`)(text), new RegExp(source).test(text))
    }),
  )
})

test('what makes a backtracking matcher try for ever is answered in the same number of steps as any other', () => {
  // 2^100000 ways, were they tried one by one: a wrong matcher would never come back
  for (const source of ['/^(a+)+$/', '/(a|a)*b/', '/(a*)*(a*)*c/']) {
    assert.equal(pattern(source)(`${'a'.repeat(1_000)}!`), false)
  }
})

test('a value that is longer than any name matches nothing', () => {
  assert.equal(pattern('**')('a'.repeat(4_096)), true)
  assert.equal(pattern('**')('a'.repeat(4_097)), false)
})

const wrong: [text: string, problem: RegExp][] = [
  ['/(/', /a \( is not closed/],
  ['/)/', /a \) has no \(/],
  ['/[a/', /a \[ is not closed/],
  ['/[z-a]/', /ends before it begins/],
  ['/*a/', /nothing before it/],
  ['/a**/', /itself repeated/],
  ['/a{3,2}/', /ends before it begins/],
  ['/a{5000}/', /more than 1000 times/],
  ['/(a{1000}){1000}/', /too large/],
  ['/(?=a)/', /\(\?:/],
  [String.raw`/(a)\1/`, /\\1 cannot be used/],
  [String.raw`/\bx/`, /\\b cannot be used/],
  [`/${'('.repeat(100)}${')'.repeat(100)}/`, /nested too deeply/],
  ['{a', /a \{ is not closed/],
  ['{a{b}}', /inside another/],
  ['x'.repeat(513), /at most 512/],
]

test('what is no pattern is said in words', () => {
  for (const [text, problem] of wrong) {
    const compiled = compilePattern(text)
    assert.ok(typeof compiled === 'string', text)
    assert.match(compiled, problem)
  }
})
