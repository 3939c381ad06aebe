/** The laboratory of this repository: everything that the interop tests need, started together and ended together. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type LazyPuller, startLazyPuller } from './containerd.ts'
import { chosenConverter, type Converter } from './converter.ts'
import { snapshotterCommand, stateFolder } from './programs.ts'
import { type Registry, startRegistry } from './registry.ts'

/** All that runs. */
export interface House extends AsyncDisposable {
  registry: Registry
  converter: Converter
  /** Undefined where the machine has no stargz snapshotter. */
  lazy: LazyPuller | undefined
  /** Whether images can be pulled lazily here. If not, skips the test; in CI, fails it. */
  needLazy(test: TestContext): this is { lazy: LazyPuller }
  /** An empty folder for whoever asks, gone when the house is. */
  folder(name: string): string
}

/** Starts a registry, containerd and the snapshotter, with fresh state. */
export async function openHouse(): Promise<House> {
  mkdirSync(stateFolder, { recursive: true })
  const state = mkdtempSync(join(stateFolder, 'run-'))
  const stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(state, { recursive: true, force: true }))
  try {
    const registry = stack.use(await startRegistry(join(state, 'registry')))
    const converter = await chosenConverter(join(state, 'converter'), registry.address)
    const snapshotter = await snapshotterCommand()
    const lazy =
      snapshotter && stack.use(await startLazyPuller(join(state, 'containerd'), snapshotter))
    return {
      registry,
      converter,
      lazy,
      needLazy(test): this is { lazy: LazyPuller } {
        if (lazy !== undefined) return true
        const why =
          'no containerd-stargz-grpc in PATH and no ACCEL_LAB that builds it; see docs/interop.md'
        assert.equal(process.env.CI, undefined, why)
        test.skip(why)
        return false
      },
      folder: (name) => mkdtempSync(join(state, `${name}-`)),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}
