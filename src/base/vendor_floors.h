/* The oldest driver of NVIDIA's that runs a release of CUDA: for the providers' descriptors and for the doctor. */
#ifndef RUNG_BASE_VENDOR_FLOORS_H
#define RUNG_BASE_VENDOR_FLOORS_H

#define RUNG_CUDA_11_DRIVER "450.80"
#define RUNG_CUDA_12_DRIVER "525.60"
#define RUNG_CUDA_13_DRIVER "580"

#endif
