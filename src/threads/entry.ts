/** What every thread runs: it serves its role until it is terminated. */
import { getPriority, setPriority } from 'node:os'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { toWire } from '../errors/accel-error.ts'
import { KnownSlabs, type HostSlab } from './known-slabs.ts'
import { LayerHost, type LayerModule } from './layer-host.ts'
import type {
  Call,
  FromBatchThread,
  FromLayerThread,
  ToBatchThread,
  ToLayerThread,
} from './messages.ts'
import type { ThreadData } from './start-thread.ts'

/** A module that a batch names: `run` is synchronous, `data` and the result are cloned. */
export interface BatchModule {
  run(data: unknown, input: Uint8Array, output: Uint8Array): unknown
}

const LEAST_PRIORITY = 19

const port = parentPort!
const { role, niceness } = workerData as ThreadData
// on Linux the priority is the thread's alone; elsewhere it would be that of the process. Source: setpriority(2), "C library/kernel differences"
if (niceness > 0 && process.platform === 'linux') {
  setPriority(Math.min(LEAST_PRIORITY, getPriority() + niceness))
}
if (role === 'batch') serveBatches(port)
else serveLayers(port)

function serveBatches(port: MessagePort): void {
  const modules = new Map<string, BatchModule>()
  const known = new KnownSlabs()
  let busy: Int32Array
  let last = Promise.resolve()
  port.on('message', (message: ToBatchThread) => {
    if (message.type === 'forget') return known.forget(message.slabs)
    if (message.type === 'start') return (busy = message.busy)
    const slab = known.get(message.slab)
    last = last.then(async () => {
      Atomics.store(busy, 0, 1)
      port.postMessage(await runBatch(modules, message, slab))
      Atomics.store(busy, 0, 0)
    })
  })
}

async function runBatch(
  modules: Map<string, BatchModule>,
  { id, call }: { id: number; call: Call },
  { input, output }: HostSlab,
): Promise<FromBatchThread> {
  try {
    const module = modules.get(call.module) ?? (await load<BatchModule>(call))
    modules.set(call.module, module)
    const result = module.run(call.data, input, output)
    return { type: 'batched', id, result }
  } catch (error) {
    return { type: 'failed', id, error: toWire(error) }
  }
}

function serveLayers(port: MessagePort): void {
  let host: LayerHost | undefined
  const known = new KnownSlabs()
  port.on('message', (message: ToLayerThread) => {
    if (message.type === 'forget') return known.forget(message.slabs)
    if (message.type === 'load') return void loadEarly(message.module)
    if (message.type !== 'start') return host?.onMessage(message)
    const running = (host = new LayerHost(port, known, message))
    void runLayer(running, message.call).then((answer) => {
      running.close()
      host = undefined
      port.postMessage(answer, answer.type === 'done' ? running.transfer : [])
    })
  })
}

async function runLayer(host: LayerHost, call: Call): Promise<FromLayerThread> {
  try {
    const module = await load<LayerModule>(call)
    return { type: 'done', result: await module.run(call.data, host) }
  } catch (error) {
    return { type: 'failed', error: toWire(error) }
  }
}

/** Loads a module that a job is expected to name. What is wrong with it is said when one does. */
async function loadEarly(module: string): Promise<void> {
  await import(module).catch(() => undefined)
}

async function load<Module>(call: Call): Promise<Module> {
  return (await import(call.module)) as Module
}
