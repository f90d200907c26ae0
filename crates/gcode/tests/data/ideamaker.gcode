;Sliced by ideaMaker 4.3.2.6470, 2023-01-20 09:58:01 UTC+0800
;Dimension: 220.000 220.000 250.000 0.400
;Plate Shape: 0
;Bounding Box: 80.000 140.000 80.000 140.000 0.000 12.000
;Filament Diameter #1: 1.750
;Filament Density #1: 1240.000
;Filament Type #1: PLA
;Filament Name #1: Generic PLA 1.75mm
M140 S60
M109 T0 S210
;LAYER:0
;Z:0.300
;HEIGHT:0.300
G1 X80 Y80 Z0.300 E1
;LAYER:1
;Z:0.500
;HEIGHT:0.200
G1 X81 Y80 Z0.500 E2
;Material#1 Used: 1234.5
;Material#2 Used: 10.5
;Print Time: 13310
