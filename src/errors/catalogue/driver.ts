/** Drivers and their options. */
export const driverErrors = {}
