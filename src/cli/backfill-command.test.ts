import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WireBackfill } from '../api/contract.ts'
import { startScriptedServer } from '../testing/scripted-server.ts'
import { recordOutput } from '../testing/service/recorded-output.ts'
import { runAccelctl } from './accelctl.ts'

const counts = { images: 9, up_to_date: 3, not_wanted: 2, tried_before: 1, failed: 1, queued: 2 }

async function backfill(states: WireBackfill[], args: string[] = []) {
  const left = [...states]
  await using server = await startScriptedServer(({ method }) => ({
    status: method === 'POST' ? 202 : 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(left.length > 1 ? left.shift() : left[0]),
  }))
  const stdout = recordOutput()
  const stderr = recordOutput()
  const io = {
    stdout,
    stderr,
    environment: { ACCEL_TOKEN: 't' },
    signal: new AbortController().signal,
  }
  const openConversions = () => Promise.reject(new Error('nothing is converted'))
  const argv = ['backfill', '--addr', server.host, ...args]
  const code = await runAccelctl(argv, io, { openConversions })
  const asked = server.seen.map(
    ({ method, path, query, headers }) =>
      `${method} ${path} ${query.get('dry_run') ?? ''} ${headers.authorization}`,
  )
  return { code, stdout: stdout.text, stderr: stderr.text, asked }
}

const running: WireBackfill = { running: true, registries: [], queued: [] }

test('a search is begun, waited for, and told as a table', async () => {
  const ended = {
    running: false,
    registries: [{ host: 'h.test', ...counts }],
    queued: ['h.test/a:1'],
  }
  const { code, stdout, asked } = await backfill([running, running, ended])
  assert.equal(code, 0)
  assert.deepEqual(asked, [
    'POST /api/v1/backfill false Bearer t',
    'GET /api/v1/backfill  Bearer t',
    'GET /api/v1/backfill  Bearer t',
  ])
  assert.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/)),
    [
      ['REGISTRY', 'TAGS', 'UP-TO-DATE', 'NOT-WANTED', 'TRIED', 'FAILED', 'QUEUED'],
      ['h.test', '9', '3', '2', '1', '1', '2'],
    ],
  )
})

test('a dry run names what would be queued; a search that ended early exits with 3 and the hint', async () => {
  const error = { code: 'RECONCILE_LIST_REFUSED', message: 'not for us', hint: 'ask' }
  const ended = {
    running: false,
    dry_run: true,
    registries: [{ host: 'h.test', ...counts, error }],
    queued: ['h.test/a:1'],
  }
  const { code, stdout, asked } = await backfill([ended], ['--dry-run'])
  assert.equal(code, 3)
  assert.match(asked[0] ?? '', /^POST \/api\/v1\/backfill true/)
  assert.match(stdout, /^would queue h\.test\/a:1\nh\.test: not for us\nhint: ask\n$/m)
})

test('--no-wait only begins it', async () => {
  const { asked, stdout } = await backfill([running], ['--no-wait', '--output', 'json'])
  assert.equal(asked.length, 1)
  assert.deepEqual(JSON.parse(stdout), running)
})
