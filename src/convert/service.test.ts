import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { parseConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { createLog } from '../log/log.ts'
import { buildImage, buildLayer, pushBuilt } from '../testing/image-builder.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { testTar } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { openConversionService, type ImageRequest } from './service.ts'

const registry = await startTestRegistry()
after(() => registry.close())
const image = buildImage({
  config: { config: { Labels: { team: 'blue' } } },
  layers: [buildLayer(testTar().file('a', 'hello').bytes())],
})
await pushBuilt(image, registry.repository('demo/app'), { tag: 'v1' })

const quiet = { signal: new AbortController().signal, onEvent() {} }

function configOf(workDir: string, rules: string): Config {
  const yaml = `provider: { source: { "${registry.host}": {} }, work_dir: ${workDir} }
converter: { threads: 1, layers: 1, driver: { type: estargz }, rules: ${rules} }`
  return parseConfig(yaml, 'config.yaml').config
}

test('one service converts by several rules, each with its own driver and condition', async (t) => {
  const folder = await temporaryDirectory(t)
  const config = configOf(
    folder,
    `[
      { tag_suffix: -esgz },
      { name: chunked, tag_suffix: -zstd, driver: { type: zstdchunked }, when: [{ max_size: 1MB, labels: { team: b* } }] },
      { name: large, tag_suffix: -large, when: [{ min_size: 1GB }] },
      { name: arm, tag_suffix: -arm, platforms: linux/arm64 } ]`,
  )
  await using service = await openConversionService(config)
  const source = `${registry.host}/demo/app:v1`
  const by = (rule: string, more: Partial<ImageRequest> = {}) =>
    service.convert({ source, rule, ...more }, quiet)
  const [plain, chunked, large, arm] = await Promise.all(
    ['default', 'chunked', 'large', 'arm'].map((rule) => by(rule)),
  )
  assert.equal(plain?.driver.name, 'estargz')
  assert.equal(chunked?.driver.name, 'zstdchunked')
  assert.match(
    large?.skipped ?? '',
    /the rule large does not apply: its \d+ bytes are not at least/,
  )
  assert.match(arm?.skipped ?? '', /no image for linux\/arm64/)
  assert.deepEqual(registry.tags('demo/app'), ['v1', 'v1-esgz', 'v1-zstd'])
  await assert.rejects(by('gone'), (error) => isAccelError(error, 'CONFIG_RULE_UNKNOWN'))
})

test('without a rule the first that applies is taken, although it takes the manifest to know', async (t) => {
  const folder = await temporaryDirectory(t)
  const config = configOf(
    folder,
    `[
      { name: tagged, tag_suffix: -tagged, when: [{ tag: x* }] },
      { name: large, tag_suffix: -large, when: [{ min_size: 1GB }] },
      { name: small, tag_suffix: -small } ]`,
  )
  await using service = await openConversionService(config)
  const report = await service.convert({ source: `${registry.host}/demo/app:v1` }, quiet)
  assert.equal(report.target, `${registry.host}/demo/app:v1-small`)
})

test('another configuration holds from the next conversion on; one that cannot be used changes nothing', async (t) => {
  const folder = await temporaryDirectory(t)
  const source = `${registry.host}/demo/app:v1`
  await using service = await openConversionService(configOf(folder, '[{ tag_suffix: -one }]'))
  let reconfigured = false
  const first = await service.convert(
    { source },
    {
      ...quiet,
      onEvent(event) {
        if (event.type !== 'converting') return
        service.reconfigure(configOf(folder, '[{ tag_suffix: -two }]'))
        reconfigured = true
      },
    },
  )
  assert.ok(reconfigured)
  assert.equal(first.target, `${source}-one`)
  assert.equal((await service.convert({ source }, quiet)).target, `${source}-two`)
  const broken = configOf(folder, '[{ name: x, tag_suffix: -x, driver: { type: nothing } }]')
  assert.throws(() => service.reconfigure(broken))
  assert.equal((await service.convert({ source }, quiet)).target, `${source}-two`)
})

test('options that have no effect are told once, however many rules have them', async (t) => {
  const lines: string[] = []
  const log = createLog({ write: (line) => lines.push(line) })
  const driver = '{ type: nydus, config: { builder: /usr/bin/nydus-image } }'
  const config = configOf(
    await temporaryDirectory(t),
    `[{ name: a, tag_suffix: -a, driver: ${driver} }, { name: b, tag_suffix: -b, driver: ${driver} }]`,
  )
  await using _ = await openConversionService(config, { log })
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /level=warning msg=".*builder is not needed and not used"/)
})
