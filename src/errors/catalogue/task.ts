import { row } from '../row.ts'

/** Tasks of the queue. */
export const taskErrors = {
  TASK_QUEUE_FULL: row<{ waiting: number }>({
    status: 503,
    exit: 1,
    retry: 'backoff',
    wire: 'ERR_UNHEALTHY',
    text: (c) => `${c.waiting} conversions wait already`,
    hint: 'Send it again later; raise converter.worker when the machine has room for more conversions at once.',
  }),
  TASK_QUEUE_STOPPED: row<{ source: string }>({
    status: 503,
    exit: 1,
    retry: 'backoff',
    wire: 'ERR_UNHEALTHY',
    text: (c) => `${c.source} was not taken: the service is stopping`,
    hint: 'Send it again when the service has started again.',
  }),
  TASK_CANCELLED: row<{ source: string; cause: string }>({
    status: 500,
    exit: 1,
    retry: 'backoff',
    wire: 'ERR_CONVERT_FAILED',
    text: (c) => `conversion of ${c.source} was cancelled: ${c.cause}`,
    hint: 'Push the image again or run accelctl task create.',
  }),
  TASK_DEFECT: row<{ source: string; message: string }>({
    status: 500,
    exit: 1,
    retry: 'never',
    wire: 'ERR_CONVERT_FAILED',
    text: (c) => `conversion of ${c.source} met a defect of the program: ${c.message}`,
    hint: 'Please report it, with the lines of the log that belong to it.',
  }),
}
