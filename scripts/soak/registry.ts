import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createRegistryClient } from '../../src/registry/client.ts'
import type { RegistryRepository } from '../../src/registry/repository.ts'

/** The first message of the registry's process. */
export interface RegistryStarted {
  host: string
}

/** Its answer to any message, once all webhooks are delivered. */
export interface RegistryReport {
  deliveries: number
  undelivered: number
  requests: {
    kind: 'upload' | 'pull'
    repository: string
    digest: string
    user: string
    status: number
  }[]
}

/** Who pushes, and acceld. */
export const ACCOUNTS = { developer: 'd3v', robot$acceld: 'r0b0t' }
export const ROBOT = 'robot$acceld'
/** What acceld knows the registry by. */
export const AUTH_HEADER = 'Bearer soak'

/** The registry of a soak. */
export interface SoakRegistry extends AsyncDisposable {
  host: string
  /** A repository as a developer sees it. */
  repository(name: string): RegistryRepository
  /** What was asked of it; waits until all webhooks are delivered. */
  report(): Promise<RegistryReport>
}

/** Starts it; it calls `webhookUrl`. Rejects when its process ends before it answers. */
export async function startSoakRegistry(webhookUrl: string): Promise<SoakRegistry> {
  const child = fork(join(import.meta.dirname, 'registry-process.ts'), [webhookUrl], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit')
  const { host } = await message<RegistryStarted>(child, ended)
  const credentials = { username: 'developer', password: ACCOUNTS.developer }
  const client = createRegistryClient({}, { hosts: () => ({ credentials }) })
  return {
    host,
    repository: (name) => client.repository({ host, repository: name }),
    report() {
      child.send('report')
      return message<RegistryReport>(child, ended)
    },
    async [Symbol.asyncDispose]() {
      await client.close()
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

async function message<Message>(child: ChildProcess, ended: Promise<unknown>): Promise<Message> {
  const [received] = (await Promise.race([
    once(child, 'message'),
    ended.then(() => Promise.reject(new Error('the registry process ended'))),
  ])) as [Message]
  return received
}
