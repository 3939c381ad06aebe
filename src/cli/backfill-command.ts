import { setTimeout as pause } from 'node:timers/promises'
import { Command } from 'commander'
import type { ServiceClient } from '../api/client.ts'
import type { WireBackfill, WireBackfillRegistry } from '../api/contract.ts'
import { outputOption, rendered, type OutputForm } from './output.ts'
import type { ProgramIo } from './program-io.ts'
import { tabTable } from './table.ts'
import { addServiceOptions, serviceClient } from './task/service-options.ts'

interface BackfillOptions {
  dryRun: boolean
  wait: boolean
  output: OutputForm
}

/** Exit code where a registry could not be searched to the end. */
const INCOMPLETE = 3

/** How often the service is asked where the search stands, in milliseconds. */
const POLL_MS = 500

/** `accelctl backfill`: has a running acceld look for images that should have been converted. `exit` is told the code. */
export function backfillCommand(io: ProgramIo, exit: (code: number) => void): Command {
  const command = addServiceOptions(
    new Command('backfill').description(
      'have a running acceld look for images that should have been converted, and queue them',
    ),
  )
  return command
    .option('--dry-run', 'only say what would be queued', false)
    .option('--no-wait', 'do not wait for the end of the search')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `\nNeeds the api_token, or the socket.\nExit codes: 0 all registries were searched, ${INCOMPLETE} one was not searched to the end, 1 it could not be begun.`,
    )
    .action(async ({ dryRun, wait, output }: BackfillOptions) => {
      const client = serviceClient(command, io)
      const { signal } = io
      const begun = await client.startBackfill({ dryRun, signal })
      const state = wait ? await ended(client, begun, signal) : begun
      io.stdout.write(rendered(state, output, table))
      if (state.registries.some(({ error }) => error !== undefined)) exit(INCOMPLETE)
    })
}

/** The search once it has ended. */
async function ended(
  client: ServiceClient,
  begun: WireBackfill,
  signal: AbortSignal,
): Promise<WireBackfill> {
  let state = begun
  while (state.running) {
    await pause(POLL_MS, undefined, { signal })
    state = await client.getBackfill({ signal })
  }
  return state
}

/** A row for each registry, what went wrong below, and in a dry run what would be queued. */
function table({ registries, queued, dry_run: dryRun = false }: WireBackfill): string {
  const rows = registries.map((one) =>
    [
      one.host,
      one.images,
      one.up_to_date,
      one.not_wanted,
      one.tried_before,
      one.failed,
      one.queued,
    ].map(String),
  )
  const head = ['REGISTRY', 'TAGS', 'UP-TO-DATE', 'NOT-WANTED', 'TRIED', 'FAILED', 'QUEUED']
  const failures = registries.flatMap(failureLines)
  const would = dryRun ? queued.map((image) => `would queue ${image}`) : []
  return [tabTable([head, ...rows]), ...[...would, ...failures].map((line) => `${line}\n`)].join('')
}

function failureLines({ host, error }: WireBackfillRegistry): string[] {
  return error === undefined ? [] : [`${host}: ${error.message}`, `hint: ${error.hint}`]
}
