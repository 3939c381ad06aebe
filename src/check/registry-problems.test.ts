/** What a check says of the registry that an image is in; the image itself is right. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseConfig } from '../config/load.ts'
import { openConversionService } from '../convert/service.ts'
import { createLog } from '../log/log.ts'
import { createRedaction } from '../log/redaction.ts'
import { buildImage, buildLayer, pushBuilt } from '../testing/image-builder.ts'
import type { Fault } from '../testing/registry/fault.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { testTar } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { problemLines } from '../verify/report.ts'
import { check } from './service.ts'

const redaction = createRedaction()
const log = createLog({ write: () => {}, redaction, level: 'error' })
const image = buildImage({
  layers: [buildLayer(testTar().directory('etc/').file('etc/hosts', 'localhost').bytes())],
})

/** What is said of an image that a registry with faults holds; `referrers`: whether it has that API. */
async function said(t: TestContext, faults: Fault[], referrers = true): Promise<string[]> {
  await using registry = await startTestRegistry({ referrers })
  const target = registry.repository('demo/app')
  await pushBuilt(image, target, { tag: '1' })
  const directory = await temporaryDirectory(t)
  const { config } = parseConfig(
    `
provider: {source: {"${registry.host}": {}}, work_dir: ${join(directory, 'work')}, gcpolicy: {threshold: 1GB}}
converter: {worker: 1, driver: {type: estargz}, harbor_annotation: true, rules: [{tag_suffix: -x}]}`,
    'config.yaml',
  )
  const name = `${registry.host}/demo/app:1`
  {
    await using service = await openConversionService(config, { log, redaction })
    await service.convert({ source: name }, { signal: t.signal, onEvent: () => {} })
  }
  for (const fault of faults) registry.fault(fault)
  const init = { platforms: [], signal: t.signal, onStep: () => {} }
  const report = await check(
    { source: name, target: `${name}-x`, ...init },
    { log, redaction },
    { config },
  )
  const lines = report.images.flatMap(problemLines)
  assert.equal(report.passed, lines.length === 0)
  return lines
}

test('a registry that serves parts and lists what has a subject', async (t) => {
  assert.deepEqual(await said(t, []), [])
})

test('one without the referrers API, in which a tag stands in', async (t) => {
  assert.deepEqual(await said(t, [], false), [])
})

test('one that answers Range with the whole blob', async (t) => {
  const lines = await said(t, [{ on: 'GET blob', then: 'ignore range', times: Infinity }])
  assert.match(
    lines.join('\n'),
    /^sha256:[0-9a-f]{64}: .*should answer 206: it answers 200 with the whole blob$/,
  )
})

test('one that gives other bytes for a part', async (t) => {
  const part = { where: ({ range }: { range?: string | undefined }) => range !== undefined }
  const lines = await said(t, [
    { on: 'GET blob', then: 'flip byte', afterBytes: 3, times: Infinity, match: part },
  ])
  assert.match(
    lines.join('\n'),
    /^sha256:[0-9a-f]{64}: bytes \d+ to \d+ are others when they are asked for by range$/,
  )
})

test('one that lost what has a subject', async (t) => {
  const empty = JSON.stringify({ schemaVersion: 2, manifests: [] })
  const headers = { 'content-type': 'application/vnd.oci.image.index.v1+json' }
  const lines = await said(t, [
    { on: 'GET referrers', then: { status: 200, headers, body: empty }, times: Infinity },
  ])
  assert.deepEqual(lines, ['manifest: it names a subject, and the referrers API does not list it'])
})
