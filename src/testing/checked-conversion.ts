/** A conversion whose result is compared with its source before it is pushed, and whose driver a test can change. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createConverter } from '../convert/converter.ts'
import type { ConversionReport } from '../convert/report.ts'
import type { ConfiguredDriver, ImageConverter } from '../drivers/driver.ts'
import type { LayerResult } from '../drivers/layer-result.ts'
import { driverNamed } from '../drivers/registry.ts'
import { openLayoutSource, openLayoutTarget } from '../layout/location.ts'
import { openStore } from '../store/store.ts'
import { SharedJobs } from '../streams/shared-jobs.ts'
import { createThreadPool } from '../threads/pool.ts'
import { buildImage, pushBuilt, type BuiltLayer } from './image-builder.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export interface CheckedConversionInit {
  driver: string
  config?: Record<string, string>
  /** The source, the lowest layer first. */
  layers: BuiltLayer[]
  /** Changes the driver. @default it is left as it is */
  change?: (configured: ConfiguredDriver) => ConfiguredDriver
  /** The directory of the layout that an option names. */
  otherImage?: string
}

export interface CheckedConversion {
  report: ConversionReport
  /** The directory of the layout that the result is in. */
  target: string
  /** Whether the target's tag was written. */
  pushed(): Promise<boolean>
}

/** Converts an image; where that fails nothing may have been pushed. */
export async function checkedConversion(
  t: TestContext,
  {
    driver,
    config = {},
    layers,
    change = (configured) => configured,
    otherImage,
  }: CheckedConversionInit,
): Promise<CheckedConversion> {
  const directory = await temporaryDirectory(t)
  const location = (name: string): string => `oci:${join(directory, name)}:latest`
  await using original = await openLayoutTarget(location('source'))
  await pushBuilt(buildImage({ layers }), original.target, { tag: 'latest' })
  await using store = await openStore<LayerResult>(join(directory, 'work'))
  await using threads = createThreadPool()
  const named = driverNamed(driver)
  const converter = createConverter(
    { threads, store, jobs: new SharedJobs(async () => {}) },
    {
      driver: named,
      configured: change(named.configure(config)),
      platforms: [],
      recipe: driver,
      annotate: true,
      verify: true,
      growthWarning: 10,
    },
  )
  const { source } = await openLayoutSource(location('source'))
  await using target = await openLayoutTarget(location('target'))
  const pushed = async (): Promise<boolean> => (await target.target.find('latest')) !== undefined
  try {
    const report = await converter.convert(
      {
        source,
        sourceName: 'source',
        sourceTag: 'latest',
        target: target.target,
        targetName: 'target',
        targetTag: 'latest',
        sameRepository: false,
        mountFrom: [],
        async openImage(name) {
          assert(otherImage !== undefined, `an image ${name} is asked for`)
          const other = await openLayoutSource(`oci:${otherImage}:latest`)
          return { ...other, name, mountFrom: [] }
        },
      },
      { signal: t.signal, onEvent: () => {} },
    )
    return { report, pushed, target: join(directory, 'target') }
  } catch (error) {
    assert.equal(await pushed(), false)
    throw error
  }
}

/** Changes the layers of a driver once they are converted: what is known of each, and its blob in a file. */
export function withLayers(
  change: (result: LayerResult, path: string) => void | Promise<void>,
): (configured: ConfiguredDriver) => ConfiguredDriver {
  const changed = ({ layers, ...rest }: ImageConverter): ImageConverter => ({
    ...rest,
    layers: {
      ...layers,
      async convertLayer(layer, context) {
        const result = await layers.convertLayer(layer, context)
        await change(result, context.ingestPath)
        return result
      },
    },
  })
  return ({ prepare, ...configured }) => ({
    ...configured,
    ...changed(configured),
    ...(prepare && { prepare: async (context) => changed(await prepare(context)) }),
  })
}
