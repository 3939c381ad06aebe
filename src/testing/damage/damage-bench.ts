/** Converts an image once, damages copies of it in many ways, and says what `accelctl check` finds wrong with each. */
import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { checkImages } from '../../check/check-image.ts'
import { parseConfig } from '../../config/load.ts'
import { openConversionService } from '../../convert/service.ts'
import { isAccelError } from '../../errors/accel-error.ts'
import { openLayoutSource, openLayoutTarget } from '../../layout/location.ts'
import { createLog } from '../../log/log.ts'
import { createRedaction } from '../../log/redaction.ts'
import { openWorkDirectory } from '../../store/work-directory.ts'
import { createThreadPool } from '../../threads/pool.ts'
import { problemLines } from '../../verify/report.ts'
import { buildImage, buildLayer, pushBuilt } from '../image-builder.ts'
import type { TarBuilder } from '../tar-builder.ts'
import { damagedLayers } from './damaged-layers.ts'
import { decryptBootstrap, encryptBootstrap, type KeyPair } from './encrypted-bootstrap.ts'
import { loadImage, storeImage, type StoredImage } from './stored-image.ts'

/** Changes a converted image. */
export type Damage = (image: StoredImage) => void | Promise<void>

/**
 * What is damaged, how, and what is said of it: the beginning of a line (`PATH: FIELD`), or a pattern. A line is as
 * `accelctl check` prints it.
 */
export type DamageCase = readonly [what: string, damage: Damage, expected: string | RegExp]

export interface DamageFormat {
  /** `converter.driver` of a configuration, as YAML. */
  driver: string
  /** Which manifest of the result is damaged. @default the first, or only, one */
  member?: number
  /** What is converted. @default damagedLayers */
  layers?: readonly (() => TarBuilder)[]
  /** Layers of the source are needed beside the result. @default false */
  withSource?: boolean
  /** What the check decrypts with. @default nothing */
  privateKeys?: readonly KeyObject[]
  /** Its bootstrap layer is damaged in clear, and encrypted again for the same recipient. @default it is damaged as it is stored */
  inClear?: KeyPair
}

/** One test for each case: it is noticed, and named. Besides, nothing may be said of an image that is whole. */
export function damageSuite(
  title: string,
  format: DamageFormat,
  cases: readonly DamageCase[],
): void {
  suite(title, () => {
    let bench: DamageBench
    before(async () => {
      bench = await openDamageBench(format)
    })
    after(() => bench[Symbol.asyncDispose]())

    test('nothing is said of an image that is whole', async () => {
      assert.deepEqual(await bench.said(() => {}), [])
    })

    for (const [what, damage, expected] of cases) {
      test(what, async () => {
        const lines = await bench.said(damage)
        const found = lines.some((line) =>
          typeof expected === 'string' ? line.startsWith(expected) : expected.test(line),
        )
        assert(found, `${lines.length} lines:\n${lines.join('\n')}`)
      })
    }
  })
}

interface DamageBench extends AsyncDisposable {
  /** The lines that a check of the damaged image prints, or the one of the error that it ends in. */
  said(damage: Damage): Promise<string[]>
}

async function openDamageBench({
  driver,
  member,
  withSource = false,
  layers: tars = damagedLayers,
  privateKeys = [],
  inClear,
}: DamageFormat): Promise<DamageBench> {
  await using opening = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'accel-damage-'))
  opening.defer(() => rm(folder, { recursive: true, force: true }))
  const location = (name: string): string => `oci:${join(folder, name)}:latest`
  const layers = tars.map((tar) => buildLayer(tar().bytes()))
  {
    await using layout = await openLayoutTarget(location('source'))
    await pushBuilt(
      buildImage({ layers, config: { config: { Cmd: ['/bin/suid'] } } }),
      layout.target,
      { tag: 'latest' },
    )
  }
  await convert(driver, folder, location)
  const whole = await loadImage(location('target'), member)
  if (inClear !== undefined) await decryptBootstrap(whole, inClear)
  if (withSource) {
    const original = await loadImage(location('source'))
    for (const { descriptor, bytes } of original.layers) {
      whole.others.push(descriptor)
      whole.otherBytes.set(descriptor.digest, bytes)
    }
  }
  const threads = opening.use(createThreadPool({ layerThreads: 2, batchThreads: 1 }))
  const work = opening.use(await openWorkDirectory(join(folder, 'check')))
  const source = await openEnd(location('source'))
  const stack = opening.move()
  let count = 0
  return {
    async said(damage) {
      const image = structuredClone(whole)
      await damage(image)
      if (inClear !== undefined) await encryptBootstrap(image, inClear)
      const place = location(`damaged-${count++}`)
      await storeImage(image, place)
      try {
        const report = await checkImages(
          source,
          await openEnd(place),
          { threads, work },
          {
            platforms: [],
            privateKeys,
            signal: new AbortController().signal,
            onStep: () => {},
          },
        )
        const lines = report.images.flatMap(problemLines)
        const complete = report.images.every((one) => one.complete)
        assert.equal(report.passed, complete && lines.length === 0)
        return lines
      } catch (error) {
        assert(isAccelError(error), String(error))
        return [error.message]
      }
    },
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  }
}

async function convert(
  driver: string,
  folder: string,
  location: (name: string) => string,
): Promise<void> {
  const redaction = createRedaction()
  const log = createLog({ write: () => {}, redaction, level: 'error' })
  const { config } = parseConfig(
    `
provider: {work_dir: ${join(folder, 'work')}, gcpolicy: {threshold: 1GB}}
converter: {worker: 1, driver: ${driver}, rules: [{tag_suffix: -x}]}`,
    'config.yaml',
  )
  await using service = await openConversionService(config, { log, redaction })
  const { signal } = new AbortController()
  await service.convert(
    { source: location('source'), target: location('target') },
    { signal, onEvent: () => {} },
  )
}

async function openEnd(text: string) {
  const { source, tag } = await openLayoutSource(text)
  return { transport: source, name: text, root: await source.resolve(tag) }
}
