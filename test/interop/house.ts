/** The laboratory of this repository: everything that the interop tests need, started together and ended together. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
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
      folder: (name) => mkdtempSync(join(state, `${name}-`)),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}
