import { randomUUID } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import type { Push, RegistryContext } from './context.ts'
import type { WebhookInit } from './init.ts'
import { isDigest } from '../../oci/digest.ts'

/** What became of one event for one webhook. */
export interface Delivery {
  url: string
  /** The body as sent, parsed. */
  event: object
  /** The status of each attempt, or what went wrong. */
  attempts: (number | string)[]
  delivered: boolean
}

/** Tells others of pushes, as Harbor does. */
export interface Webhooks {
  add(webhook: WebhookInit): void
  pushed(push: Push): void
  /** All deliveries so far, once none is under way any more. */
  settled(): Promise<Delivery[]>
  /** Gives up what is under way. */
  close(): Promise<void>
}

export function createWebhooks(context: RegistryContext): Webhooks {
  const webhooks: WebhookInit[] = [...(context.init.webhooks ?? [])]
  const deliveries: Delivery[] = []
  const running = new Set<Promise<void>>()
  const abort = new AbortController()

  const send = (webhook: WebhookInit, event: object) => {
    const delivery: Delivery = { url: webhook.url, event, attempts: [], delivered: false }
    deliveries.push(delivery)
    const done = deliver(webhook, delivery, abort.signal).finally(() => running.delete(done))
    running.add(done)
  }
  return {
    add: (webhook) => webhooks.push(webhook),
    pushed(push) {
      const harborEvent = eventOf(context, push)
      for (const [policy, webhook] of webhooks.entries()) {
        const event =
          webhook.format === 'CloudEvents' ? cloudEvent(harborEvent, policy + 1) : harborEvent
        for (let copy = 0; copy < (webhook.copies ?? 1); copy++) send(webhook, event)
      }
    },
    async settled() {
      while (running.size > 0) await Promise.all(running)
      return deliveries
    },
    async close() {
      abort.abort()
      await Promise.all(running)
    },
  }
}

interface HarborEvent {
  type: string
  /** Seconds since 1970. */
  occur_at: number
  operator: string
  event_data: object
}

/** Harbor's payload `Default` for a push. Source: goharbor/harbor src/pkg/notifier/model/event.go. */
function eventOf(context: RegistryContext, push: Push): HarborEvent {
  const { init, harbor, storage } = context
  const host = init.externalHost ?? new URL(context.origin).host
  const { repository, reference, manifest } = push
  const separator = isDigest(reference) ? '@' : ':'
  const slash = repository.indexOf('/')
  const namespace = repository.slice(0, Math.max(0, slash))
  const open = harbor?.publicProjects?.includes(namespace) ?? false
  return {
    type: 'PUSH_ARTIFACT',
    occur_at: Math.floor((init.now ?? Date.now)() / 1000),
    operator: push.user ?? init.operator ?? 'admin',
    event_data: {
      resources: [
        {
          digest: manifest.digest,
          tag: reference,
          resource_url: `${host}/${repository}${separator}${reference}`,
        },
      ],
      repository: {
        date_created: storage.repository(repository).created,
        name: repository.slice(slash + 1),
        namespace,
        repo_full_name: repository,
        repo_type: open ? 'public' : 'private',
      },
    },
  }
}

/** The same as a CloudEvent. Source: goharbor/harbor src/pkg/notifier/formats/cloudevents.go. */
function cloudEvent(event: HarborEvent, policy: number): object {
  return {
    specversion: '1.0',
    id: randomUUID(),
    source: `/projects/2/webhook/policies/${policy}`,
    type: 'harbor.artifact.pushed',
    datacontenttype: 'application/json',
    time: new Date(event.occur_at * 1000).toISOString().replace('.000Z', 'Z'),
    data: event.event_data,
    requestid: randomUUID(),
    operator: event.operator,
  }
}

/** Any status but 2xx, a broken connection and a time-out are tried again, the body staying the same. */
async function deliver(
  webhook: WebhookInit,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<void> {
  const body = Buffer.from(JSON.stringify(delivery.event))
  const pauses = webhook.pausesMs ?? [10, 20]
  for (let attempt = 0; attempt < (webhook.attempts ?? 3); attempt++) {
    try {
      if (attempt > 0) await pause(pauses[attempt - 1] ?? pauses.at(-1) ?? 0, null, { signal })
      const status = await post(webhook, body, signal)
      delivery.attempts.push(status)
      delivery.delivered = status >= 200 && status <= 299
    } catch (error) {
      const { code, name } = error as NodeJS.ErrnoException
      delivery.attempts.push(code ?? name)
    }
    if (delivery.delivered || signal.aborted) return
  }
}

/** Sends what Go's client sends, and returns the status. Redirects are not followed. */
async function post(webhook: WebhookInit, body: Uint8Array, signal: AbortSignal): Promise<number> {
  const url = new URL(webhook.url)
  const cloud = webhook.format === 'CloudEvents'
  const within = AbortSignal.any([signal, AbortSignal.timeout(webhook.timeoutMs ?? 3000)])
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method: 'POST',
    agent: false,
    signal: within,
    headers: {
      'User-Agent': 'Go-http-client/1.1',
      'Content-Length': body.length,
      ...(webhook.authHeader === undefined ? {} : { Authorization: webhook.authHeader }),
      'Content-Type': cloud ? 'application/cloudevents+json' : 'application/json',
      'Accept-Encoding': 'gzip',
    },
  })
  request.once('error', reject)
  request.once('response', (response) => {
    response.once('error', reject)
    response.once('end', () => resolve(response.statusCode ?? 0))
    response.resume()
  })
  request.end(body)
  return promise
}
