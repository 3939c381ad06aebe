import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseChallenges } from './challenge.ts'

/** The header, and the challenges it holds as scheme and parameters. */
const cases: [string | string[] | undefined, [string, Record<string, string>][]][] = [
  [undefined, []],
  ['', []],
  ['   ', []],
  ['Basic realm="harbor"', [['basic', { realm: 'harbor' }]]],
  ['BASIC', [['basic', {}]]],
  [
    'Bearer realm="https://h.test/service/token",service="harbor-registry",scope="repository:demo/app:pull,push repository:library/x:pull"',
    [
      [
        'bearer',
        {
          realm: 'https://h.test/service/token',
          service: 'harbor-registry',
          scope: 'repository:demo/app:pull,push repository:library/x:pull',
        },
      ],
    ],
  ],
  ['bearer Realm = "a" , SERVICE = b', [['bearer', { realm: 'a', service: 'b' }]]],
  [
    'Bearer realm="a\\"b\\\\c", error="invalid_token"',
    [['bearer', { realm: 'a"b\\c', error: 'invalid_token' }]],
  ],
  [
    'Negotiate YIIabc==, Basic realm="x", Bearer realm="y",service="z"',
    [
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
      ['bearer', { realm: 'y', service: 'z' }],
    ],
  ],
  [
    ['Basic realm="x"', 'Bearer realm="y"'],
    [
      ['basic', { realm: 'x' }],
      ['bearer', { realm: 'y' }],
    ],
  ],
  ['Bearer realm="unclosed', [['bearer', {}]]],
  ['="x"', []],
  [`Basic realm="${'x'.repeat(9000)}"`, []],
]

for (const [header, want] of cases) {
  test(`reads ${JSON.stringify(header)?.slice(0, 70)}`, () => {
    const got = parseChallenges(header).map((c) => [c.scheme, Object.fromEntries(c.parameters)])
    assert.deepEqual(got, want)
  })
}

test('any header is read, and quickly', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => Array.isArray(parseChallenges(text))),
  )
  fc.assert(
    fc.property(fc.stringMatching(/^[a-c="\\, ]{0,60}$/), (text) =>
      Array.isArray(parseChallenges(text)),
    ),
  )
})
