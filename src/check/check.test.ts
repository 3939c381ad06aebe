import assert from 'node:assert/strict'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { parseConfig } from '../config/load.ts'
import { openConversionService } from '../convert/service.ts'
import { createLog } from '../log/log.ts'
import { createRedaction } from '../log/redaction.ts'
import { openLayoutTarget } from '../layout/location.ts'
import { buildImage, buildLayer, pushBuilt, type BuiltLayer } from '../testing/image-builder.ts'
import { testTar, type TarBuilder } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { check } from './service.ts'
import type { CheckReport } from './report.ts'

const redaction = createRedaction()
const log = createLog({ write: () => {}, redaction, level: 'error' })

const lower = (): TarBuilder =>
  testTar()
    .directory('etc/', { mode: 0o750, uid: 3 })
    .file('etc/passwd', 'root:x:0:0\n'.repeat(40), { xattrs: { 'user.a': 'b' } })
    .file('etc/gone', 'x')
    .symlink('bin', 'usr/bin')
    .directory('usr/bin/')
    .file('usr/bin/sh', Buffer.alloc(100_000, 'ab'), { mode: 0o4755, mtime: 77 })
    .hardlink('usr/bin/bash', 'usr/bin/sh')
const upper = (): TarBuilder => testTar().whiteout('etc/gone').file('etc/new', 'new')

async function image(path: string, ...layers: BuiltLayer[]): Promise<string> {
  const location = `oci:${path}:latest`
  await using layout = await openLayoutTarget(location)
  await pushBuilt(buildImage({ layers }), layout.target, { tag: 'latest' })
  return location
}

interface Converted {
  source: string
  target: string
  directory: string
}

async function converted(t: TestContext, driver: string): Promise<Converted> {
  const directory = await temporaryDirectory(t)
  const layers = [buildLayer(lower().bytes()), buildLayer(upper().bytes())]
  const source = await image(join(directory, 'source'), ...layers)
  const target = `oci:${join(directory, 'target')}:latest`
  const yaml = `
provider: {work_dir: ${join(directory, 'work')}, gcpolicy: {threshold: 1GB}}
converter: {worker: 1, driver: ${driver}, rules: [{tag_suffix: -x}]}`
  const { config } = parseConfig(yaml, 'config.yaml')
  await using service = await openConversionService(config, { log, redaction })
  await service.convert({ source, target }, { signal: t.signal, onEvent: () => {} })
  return { source, target, directory }
}

function checked(source: string, target: string, signal: AbortSignal): Promise<CheckReport> {
  const init = { platforms: [], signal, onStep: () => {} }
  return check({ source, target, ...init }, { log, redaction }, {})
}

suite('a check', () => {
  for (const driver of [
    '{type: estargz}',
    '{type: estargz, config: {compression: zstdchunked}}',
    '{type: zstdchunked}',
    '{type: zstdchunked, config: {dialect: plain}}',
  ]) {
    test(`of what ${driver} makes finds it the same`, async (t) => {
      const { source, target } = await converted(t, driver)
      const { passed, images } = await checked(source, target, t.signal)
      assert.deepEqual(
        images.flatMap(({ findings, views }) => [findings, ...views.map((v) => v.differences)]),
        images.flatMap(({ views }) => [[], ...views.map(() => [])]),
      )
      assert(passed)
      assert.deepEqual(
        new Set(images.flatMap(({ views }) => views.map((v) => v.paths))),
        new Set([9]),
      )
    })
  }

  test('names what differs by path', async (t) => {
    const { target, directory } = await converted(t, '{type: estargz}')
    const other = lower().file('etc/passwd', 'other', { mode: 0o600 }).file('extra')
    const layers = [buildLayer(other.bytes()), buildLayer(upper().bytes())]
    const source = await image(join(directory, 'other'), ...layers)
    const { passed, images } = await checked(source, target, t.signal)
    assert(!passed)
    const [lazy] = images[0]!.views
    assert.deepEqual(
      lazy!.differences.map(({ path, field }) => `${path} ${field}`),
      [
        'etc/passwd mode',
        'etc/passwd size',
        'etc/passwd content',
        'etc/passwd xattr user.a',
        'extra path',
      ],
    )
  })

  test('of an image with something that is none is refused', async (t) => {
    const { source, target } = await converted(t, '{type: estargz}')
    await assert.rejects(checked(target, source, t.signal), { code: 'CHECK_SOURCE_UNUSABLE' })
  })
})
