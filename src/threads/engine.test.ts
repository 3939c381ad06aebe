import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { ENGINE_FLAGS } from './engine.ts'

test('this Node.js knows the flags, and says nothing of them', () => {
  // on a command line one that is not known is an error
  const { status, stderr } = spawnSync(process.execPath, [...ENGINE_FLAGS, '--eval', '0'], {
    encoding: 'utf8',
  })
  assert.deepEqual([status, stderr], [0, ''])
})
