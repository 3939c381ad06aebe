import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grantsIn } from './token-grant.ts'

const token = (claims: unknown): string =>
  ['{}', JSON.stringify(claims), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.')

test('a token says what it allows', () => {
  const access = [
    { type: 'repository', name: 'demo/app', actions: ['pull', 'push'] },
    { type: 'repository', name: 'demo/none', actions: null },
  ]
  assert.deepEqual(grantsIn(token({ access })), [
    { type: 'repository', name: 'demo/app', actions: ['pull', 'push'] },
    { type: 'repository', name: 'demo/none', actions: [] },
  ])
  assert.deepEqual(grantsIn(token({ access: null })), [])
})

const silent: [string, string][] = [
  ['opaque', 'AbCdEf0123456789'],
  ['of another kind', token({ sub: 'alice' })],
  ['whose claims are no object', token('x')],
  ['whose claims are null', token(null)],
  ['that is no JSON', 'a.b.c'],
  ['that is empty', ''],
]
for (const [name, text] of silent) {
  test(`a token ${name} does not`, () => assert.equal(grantsIn(text), undefined))
}

test('what is no grant among its grants is passed over', () => {
  const access = [
    null,
    'x',
    { type: 1, name: 'a' },
    { type: 'registry', name: 'catalog', actions: ['*', 2] },
  ]
  assert.deepEqual(grantsIn(token({ access })), [
    { type: 'registry', name: 'catalog', actions: ['*'] },
  ])
})
