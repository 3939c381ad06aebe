import assert from 'node:assert/strict'
import { test } from 'node:test'
import { basicHeader, parseBasicAuth } from './credentials.ts'

const encode = (text: string): string => Buffer.from(text).toString('base64')

/** The base64 of what, and the account it is. */
const cases: [string, { username: string; password: string } | undefined][] = [
  [encode('user:pass'), { username: 'user', password: 'pass' }],
  [encode('user:pa:ss:'), { username: 'user', password: 'pa:ss:' }],
  [encode('robot$demo+acceld:pässwörd'), { username: 'robot$demo+acceld', password: 'pässwörd' }],
  [encode('user:'), { username: 'user', password: '' }],
  [encode('user:pass\0\0'), { username: 'user', password: 'pass' }],
  [` ${encode('user:pass')}\n`, { username: 'user', password: 'pass' }],
  [
    encode('user:pass??>').replaceAll('/', '_').replaceAll('+', '-'),
    { username: 'user', password: 'pass??>' },
  ],
  [encode('nocolon'), undefined],
  ['', undefined],
  ['not base64!', undefined],
]

for (const [auth, want] of cases) {
  test(`auth ${JSON.stringify(auth)}`, () => {
    assert.deepEqual(parseBasicAuth(auth), want)
  })
}

test('the header is that of RFC 7617', () => {
  assert.equal(basicHeader('Aladdin', 'open sesame'), 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==')
})
