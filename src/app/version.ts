/** Of this release. */
export const VERSION = "0.1.0";
/** The release of Milvus whose behaviour this server gives. */
export const MILVUS_VERSION = "2.6.4";
