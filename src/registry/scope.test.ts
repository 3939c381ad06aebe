import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseScopes, repositoryScope, uniteScopes } from './scope.ts'

test('a scope names a repository and its actions', () => {
  assert.equal(repositoryScope('demo/app', 'pull'), 'repository:demo/app:pull')
  assert.equal(repositoryScope('demo/app', 'push'), 'repository:demo/app:pull,push')
})

test('a challenge may hold several scopes', () => {
  assert.deepEqual(parseScopes('a:b:pull  c:d:push '), ['a:b:pull', 'c:d:push'])
  assert.deepEqual(parseScopes(undefined), [])
})

test('scopes for one resource are united, whatever their order', () => {
  const want = ['repository:a:pull,push', 'repository:b:5000/c:pull']
  assert.deepEqual(
    uniteScopes(['repository:b:5000/c:pull', 'repository:a:push,pull'], ['repository:a:pull']),
    want,
  )
  assert.deepEqual(
    uniteScopes(['repository:a:pull'], ['repository:a:push', 'repository:b:5000/c:pull']),
    want,
  )
  assert.deepEqual(uniteScopes(['odd'], []), ['odd'])
})
