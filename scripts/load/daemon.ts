import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { peakOf } from '../bench/process-memory.ts'
import { root } from '../source-tree.ts'

/** acceld as a process of its own. */
export interface LoadedDaemon extends AsyncDisposable {
  port: number
  /** Peak of its resident memory so far, in bytes. */
  peak(): number
  /** Processor time that it has used so far, in seconds. */
  processorSeconds(): number
}

/** Starts it in `directory`, for images of `host`, with two conversions at once. Rejects when it does not come up. */
export async function startLoadedDaemon(directory: string, host: string): Promise<LoadedDaemon> {
  const file = join(directory, 'config.yaml')
  const configuration = {
    server: { host: '127.0.0.1', port: 0, api_token: 'load' },
    provider: { source: { [host]: {} }, work_dir: join(directory, 'work') },
    converter: { worker: 2, driver: { type: 'estargz' }, rules: [{ tag_suffix: '-esgz' }] },
  }
  // JSON is YAML
  await writeFile(file, JSON.stringify(configuration))
  const child = spawn(process.execPath, [join(root, 'bin/acceld.js'), '--config', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'exit')
  let said = ''
  const port = await new Promise<number>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-8192)
      const found = /HTTP server started on 127\.0\.0\.1:(\d+)/.exec(said)
      if (found !== null) resolve(Number(found[1]))
    })
    ended.then(() => reject(new Error(`acceld ended:\n${said}`)), reject)
  })
  const pid = child.pid ?? 0
  return {
    port,
    peak: () => peakOf(pid),
    processorSeconds: () => ticksOf(pid) / 100,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Time in user and system mode, in hundredths of a second. Source: proc_pid_stat(5), fields 14 and 15. */
function ticksOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}
