import { backendErrors } from './backend.ts'
import { benchErrors } from './bench.ts'
import { checkErrors } from './check.ts'
import { configErrors } from './config.ts'
import { contentErrors } from './content.ts'
import { driverErrors } from './driver.ts'
import { formatErrors } from './format.ts'
import { httpErrors } from './http.ts'
import { imageErrors } from './image.ts'
import { internalErrors } from './internal.ts'
import { layoutErrors } from './layout.ts'
import { reconcileErrors } from './reconcile.ts'
import { referenceErrors } from './reference.ts'
import { registryErrors } from './registry.ts'
import { storeErrors } from './store.ts'
import { taskErrors } from './task.ts'
import { traceErrors } from './trace.ts'
import { zranErrors } from './zran.ts'

/** Every error of the program. A code is never reused for another meaning. */
export const catalogue = {
  ...backendErrors,
  ...benchErrors,
  ...checkErrors,
  ...configErrors,
  ...contentErrors,
  ...driverErrors,
  ...formatErrors,
  ...httpErrors,
  ...imageErrors,
  ...internalErrors,
  ...layoutErrors,
  ...reconcileErrors,
  ...referenceErrors,
  ...registryErrors,
  ...storeErrors,
  ...taskErrors,
  ...traceErrors,
  ...zranErrors,
}
