/** This release, as in package.json (release.test.ts compares them). */
export const RELEASE = "0.1.0";
