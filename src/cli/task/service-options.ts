import type { Command } from 'commander'
import { createServiceClient, type ServiceClient } from '../../api/client.ts'
import { readTextFile } from '../../config/text-file.ts'
import type { ProgramIo } from '../program-io.ts'

interface ServiceOptions {
  addr: string
  authHeader?: string
  token?: string
  caFile?: string
}

/** Gives a command the options that name a running acceld. */
export function addServiceOptions(command: Command): Command {
  return command
    .option(
      '--addr <address>',
      'host:port, https://… or unix:///path of the service',
      'localhost:2077',
    )
    .option('--auth-header <text>', 'the Authorization header, as webhook.auth_header has it')
    .option('--token <token>', "the service's api_token; $ACCEL_TOKEN is used when left out")
    .option('--ca-file <file>', "certificates trusted besides the system's, PEM")
}

/** The client that the options of `command` ask for. Throws HTTP_SERVICE_UNREACHABLE, CONFIG_UNREADABLE. */
export function serviceClient(command: Command, io: ProgramIo): ServiceClient {
  const { addr, authHeader, token, caFile } = command.opts<ServiceOptions>()
  const bearer = token ?? io.environment['ACCEL_TOKEN']
  const authorization = authHeader ?? (bearer ? `Bearer ${bearer}` : undefined)
  return createServiceClient({
    address: addr,
    ...(authorization === undefined ? {} : { authorization }),
    ...(caFile === undefined ? {} : { ca: readTextFile(caFile) }),
  })
}
